/** ما يظهر في أكثر من شاشة. */

import type { Catalogue } from "../en.ts"
import { count, say } from "./say.ts"

const { name } = say

export const common: Catalogue["common"] = {
  product: "Backchannel",
  skip: "الانتقال إلى المحتوى",
  language: "اللغة",
  back: "رجوع",
  close: "إغلاق",
  cancel: "إلغاء",
  more: "المزيد",
  save: "حفظ",
  add: "إضافة",
  remove: "إزالة",
  copy: "نسخ",
  copied: "تم النسخ.",
  copyFailed: "لا يسمح هذا المتصفح للصفحة بالنسخ. حدِّد النص وانسخه بنفسك.",
  share: "مشاركة",
  print: "طباعة",
  you: "أنت",
  working: "لحظة من فضلك…",
  optional: "اختياري",
  newVersion: "تتوفّر نسخة جديدة من هذه الصفحة.",
  useNewVersion: "استخدامها الآن",
  noParty: "بلا طرف",
  party: (letter, called) => `الطرف ${name(letter)}: ${name(called)}`,
  roleFor: (role, party) => `${role}، ${party}`,
  and: (names) => say.list(names.map(name)),
  people: (of) =>
    count(of, {
      zero: "لا أحد",
      one: "شخص واحد",
      two: "شخصان",
      few: "# أشخاص",
      many: "# شخصًا",
      other: "# شخص",
    }),
  unknownPerson: "شخص لم يعد هنا",
}

export const roles: Catalogue["roles"] = {
  facilitator: "ميسِّر",
  participant: "مشارك",
  interpreter: "مترجم",
  observer: "مراقب",
  bot: "برنامج آلي",
}

export const rolesExplained: Catalogue["rolesExplained"] = {
  facilitator: "يدير الحوار ويوافق على دخول الآخرين، ويحظى بثقة طرف واحد أو بثقة الجميع.",
  participant: "يقرأ ويكتب.",
  interpreter: "يقرأ ويكتب ويترجم للآخرين.",
  observer: "يقرأ ولا يكتب.",
  bot: "برنامج وليس شخصًا.",
}

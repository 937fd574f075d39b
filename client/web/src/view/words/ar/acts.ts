/** ما حدث، بأسطر هادئة بين الرسائل. */

import type { Catalogue } from "../en.ts"
import { say } from "./say.ts"

const { name } = say

export const acts: Catalogue["acts"] = {
  entered: "دخلتَ الغرفة.",
  enteredNone: "لا يرى القادمون الجدد ما قيل من قبل: هذه قاعدة الغرفة.",
  enteredBriefing: "يرى القادمون الجدد إحاطة من أحد الميسِّرين عما قيل من قبل: هذه قاعدة الغرفة.",
  joined: (who, as) => `دخل ${name(who)} (${as}).`,
  joinedBy: (who, as, by) => `دخل ${name(who)} (${as}) بموافقة ${say.list(by.map(name))}.`,
  left: (who) => `غادر ${name(who)}.`,
  removed: (who) => `أُخرج ${name(who)} من الغرفة.`,
  genesis: (who) => `أنشأ ${name(who)} الغرفة.`,
  accept: (who) => `قبل ${name(who)} قواعد الحوار.`,
  rules: (who) => `وضع ${name(who)} قواعد حوار جديدة.`,
  title: (who, title) => `غيّر ${name(who)} عنوان الغرفة إلى: ${name(title)}`,
  welcome: (who) => `غيّر ${name(who)} كلمة الترحيب.`,
  retention: (who, kept) => `حدّد ${name(who)} مدة الاحتفاظ بالرسائل: ${kept}.`,
  history: (who) => `غيّر ${name(who)} ما يراه القادمون الجدد من الحوار.`,
  invite: (who, as) => `دعا ${name(who)} شخصًا (${as}).`,
  revoke: (who) => `أغلق ${name(who)} دعوة.`,
  approveAdd: (who, whom) => `وافق ${name(who)} على دخول ${name(whom)}.`,
  approveRemove: (who, whom) => `وافق ${name(who)} على إخراج ${name(whom)}.`,
  approveRole: (who, whom, as) => `وافق ${name(who)} على أن يصبح دور ${name(whom)}: ${as}.`,
  approveRule: (who) => `وافق ${name(who)} على أن يكفي ميسِّر واحد للموافقة على الدخول من جديد.`,
  unapprove: (who) => `تراجع ${name(who)} عن موافقة.`,
  role: (who, whom, as) => `نفّذ ${name(who)} ما تمت الموافقة عليه: دور ${name(whom)} الآن: ${as}.`,
  admissionAny: (who) => `حدّد ${name(who)} أن يوافق ميسِّر واحد على الدخول.`,
  admissionParty: (who) => `حدّد ${name(who)} أن يوافق ميسِّر من كل طرف على الدخول.`,
  leave: (who) => `طلب ${name(who)} المغادرة.`,
  close: (who) => `أغلق ${name(who)} الغرفة. لا يمكن كتابة شيء بعد الآن.`,
  voided: "تراجع الميسِّرون عن تغيير في الغرفة.",
  voidAsked: (who) => `يطلب ${name(who)} من الميسِّرين التراجع عن تغيير في الغرفة.`,
  leftBehind: "تابعت الغرفة بتغيير لا يستطيع هذا الجهاز اتباعه. ما تكتبه ينتظر.",
  ended: "مُحيت مفاتيح هذه الغرفة من هذا الجهاز. ويبقى ما قيل هنا إلى أن تحذف الغرفة.",
  endedMissing: (names) =>
    `لم يكشف مفتاحه: ${say.list(names.map(name))}؛ لذلك يمكن إثبات أن ما كتبوه صادر عنهم.`,
  ignored: (who, why) => `شيء من ${name(who)} لا يُعتدّ به لدى أحد. ${why}`,
  skipped: (why) => `تغيير غير صالح في الغرفة؛ لا يأخذ به أي عضو، ويُتراجع عنه تلقائيًا. ${why}`,
  failed: (why) => `لم يُرسل شيء كان ينتظر. ${why}`,
  unfit: (who, what) =>
    `تحذير: أبلغ جهاز ${name(who)} الخادم بـ: ${what}، وأبلغ الأعضاء بغير ذلك. لا يدخل أحد بسبب هذا. اسأل ${name(who)} بطريق آخر، وأخبر الميسِّرين الآخرين.`,
  operations: {
    "seat-add": "السماح لمقعد بالاتصال",
    "seat-remove": "قطع اتصال مقعد",
    "seat-set": "من يجوز له أن ييسِّر",
    mute: "عدم قبول رسائل من مقعد",
    policy: "قاعدة للاحتفاظ بالرسائل غير قاعدة الغرفة",
    "invitation-open": "فتح دعوة",
    "invitation-close": "إغلاق دعوة",
    "void-commit": "التراجع عن تغيير في الغرفة",
    close: "إغلاق الغرفة",
    unknown: "شيء لا يمكن قراءته",
  },
}

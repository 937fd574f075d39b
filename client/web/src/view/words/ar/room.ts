/** داخل الغرفة. */

import type { Catalogue } from "../en.ts"
import { count, say } from "./say.ts"

const { name, number } = say

export const room: Catalogue["room"] = {
  open: "تُفتح الغرفة…",
  connecting: "جارٍ الاتصال…",
  catchingUp: "يُجلب ما حدث في غيابك…",
  live: "متصل",
  noConnection: "لا يوجد اتصال",
  offline: "لا يوجد اتصال. تتكرر المحاولة تلقائيًا.",
  over: "انتهت هذه الغرفة. ما زال بإمكانك قراءتها.",
  waiting: (of) =>
    count(of, {
      zero: "لا رسائل تنتظر.",
      one: "رسالة واحدة تنتظر، وستُرسل تلقائيًا.",
      two: "رسالتان تنتظران، وستُرسلان تلقائيًا.",
      few: "# رسائل تنتظر، وستُرسل تلقائيًا.",
      many: "# رسالة تنتظر، وستُرسل تلقائيًا.",
      other: "# رسالة تنتظر، وستُرسل تلقائيًا.",
    }),
  waitingElse: "تغيير ينتظر، وسيُرسل تلقائيًا.",
  members: "الأعضاء",
  search: "بحث",
  settings: "إعدادات الغرفة",
  invitations: "الدعوات",
  leave: "مغادرة الغرفة",
  menu: "قائمة الغرفة",
  knocks: (of) =>
    count(of, {
      zero: "لا أحد يطلب الدخول",
      one: "شخص واحد يطلب الدخول",
      two: "شخصان يطلبان الدخول",
      few: "# أشخاص يطلبون الدخول",
      many: "# شخصًا يطلبون الدخول",
      other: "# شخص يطلبون الدخول",
    }),
  proposals: (of) =>
    count(of, {
      zero: "لا قرارات تنتظر الموافقة",
      one: "قرار واحد ينتظر الموافقة",
      two: "قراران ينتظران الموافقة",
      few: "# قرارات تنتظر الموافقة",
      many: "# قرارًا ينتظر الموافقة",
      other: "# قرار ينتظر الموافقة",
    }),
  look: "عرض",
  log: "الحوار",
  start: "هنا بداية ما تراه.",
  newest: "الانتقال إلى الأحدث",
  newMessages: (of) =>
    count(of, {
      zero: "لا رسائل جديدة",
      one: "رسالة جديدة واحدة",
      two: "رسالتان جديدتان",
      few: "# رسائل جديدة",
      many: "# رسالة جديدة",
      other: "# رسالة جديدة",
    }),
  unreadMark: "جديد منذ آخر زيارة لك",
  stopped: "توقفت هذه الغرفة",
  stoppedMore: "ما كتبته ما زال هنا، ولن يُرسل شيء بعد الآن.",
  stoppedDo: "ما العمل",
  keyboard: "لوحة المفاتيح",
}

export const message: Catalogue["message"] = {
  waiting: "قيد الانتظار",
  sent: "أُرسلت",
  seenBy: (of) =>
    count(of, {
      zero: "لم يرها أحد",
      one: "رآها شخص واحد",
      two: "رآها شخصان",
      few: "رآها # أشخاص",
      many: "رآها # شخصًا",
      other: "رآها # شخص",
    }),
  seenByNames: (names) => `رآها: ${say.list(names.map(name))}`,
  seenByNobody: "لم يُعلن أحد بعد أنه رآها.",
  notSent: "لم تُرسل",
  dismiss: "إزالة",
  takeBack: "إعادتها إلى المحرر",
  retracted: "سحب صاحب الرسالة رسالته.",
  expired: "انتهت مدة هذه الرسالة.",
  reply: "رد",
  retract: "سحب",
  retractTitle: "سحب هذه الرسالة؟",
  retractWhy: "تختفي من أجهزة الجميع. ربما قرأها آخرون من قبل؛ ويبقى ظاهرًا أن رسالة كانت هنا.",
  copyText: "نسخ النص",
  actions: (of) => `المزيد عن رسالة ${name(of)}`,
  repliesTo: (of) => `ردًّا على ${name(of)}`,
  repliesToGone: "ردًّا على رسالة سابقة",
  by: (of, at) => `${name(of)}، ${at}`,
  heardOne: (of, text) => `${name(of)}: ${text}`,
  heard: (of, names) =>
    count(of, {
      zero: "لا رسائل جديدة",
      one: `رسالة جديدة من ${say.list(names.map(name))}`,
      two: `رسالتان جديدتان من ${say.list(names.map(name))}`,
      few: `# رسائل جديدة من ${say.list(names.map(name))}`,
      many: `# رسالة جديدة من ${say.list(names.map(name))}`,
      other: `# رسالة جديدة من ${say.list(names.map(name))}`,
    }),
  sentNow: "أُرسلت.",
}

export const exposure: Catalogue["exposure"] = {
  title: "من يقرأ هذا، وما الذي يجوز أن يُفعل به",
  open: "تغيير",
  line: "قبل أن تكتب",
  readers: (of) =>
    count(of, {
      zero: "لا أحد هنا",
      one: "لا أحد هنا سواك",
      two: "يقرأ هذا الشخصان الموجودان في الغرفة",
      few: "يقرأ هذا الجميع في الغرفة: # أشخاص",
      many: "يقرأ هذا الجميع في الغرفة: # شخصًا",
      other: "يقرأ هذا الجميع في الغرفة: # شخص",
    }),
  readersTitle: "من يقرأ ما تكتبه",
  quotable: "هل يجوز الاقتباس منه؟",
  no: "لا يجوز الاقتباس",
  anonymous: "يجوز الاقتباس من دون الاسم",
  named: "يجوز الاقتباس مع الاسم",
  noHelp: "يبقى بين الموجودين في الغرفة.",
  anonymousHelp: "يجوز أن يستخدمه الملخّص من دون ذكر كاتبه.",
  namedHelp: "يجوز أن يستخدمه الملخّص وأن يذكر أنك كاتبه.",
  keep: "كم يُحتفظ به؟",
  keepRoom: (rule) => `كما تقضي قاعدة الغرفة: ${rule}`,
  keptClosed: "إلى أن تُغلق الغرفة",
  keptFor: (length) => `لمدة ${length}`,
  keptRead: "إلى أن يقرأه الجميع",
  keptOr: (one, other) => `${one}، أو ${other}`,
  kept: (how) => `يُحتفظ به ${how}`,
  until: (moment) => `حتى ${moment}`,
  lengths: (length) => `لمدة ${length} بعد الإرسال`,
  honest: "يبقى بإمكان من يقرؤه أن ينسخه أو يصوّر الشاشة.",
  applies: "يسري هذا على كل رسالة ترسلها من الآن.",
}

export const composer: Catalogue["composer"] = {
  label: "رسالتك",
  placeholder: "اكتب رسالة",
  send: "إرسال",
  tooLong: (over) =>
    count(over, {
      zero: `الرسالة ${number(20_000)} حرف على الأكثر.`,
      one: `الرسالة ${number(20_000)} حرف على الأكثر، وهذه تزيد حرفًا واحدًا: أرسلها على أجزاء.`,
      two: `الرسالة ${number(20_000)} حرف على الأكثر، وهذه تزيد حرفين: أرسلها على أجزاء.`,
      few: `الرسالة ${number(20_000)} حرف على الأكثر، وهذه تزيد # أحرف: أرسلها على أجزاء.`,
      many: `الرسالة ${number(20_000)} حرف على الأكثر، وهذه تزيد # حرفًا: أرسلها على أجزاء.`,
      other: `الرسالة ${number(20_000)} حرف على الأكثر، وهذه تزيد # حرف: أرسلها على أجزاء.`,
    }),
  replyingTo: (of) => `رد على ${name(of)}`,
  stopReply: "إلغاء الرد",
  mayNotWrite: "أنت هنا مراقب: تقرأ ولا تكتب.",
  notHere: "لا يمكنك الكتابة هنا.",
  keepSigned: "لا يُحفظ شيء من هذا بعد إغلاق الصفحة.",
}

export const files: Catalogue["files"] = {
  attach: "إرفاق ملفات",
  chosen: "ملفات تُرسل مع الرسالة",
  remove: (of) => `عدم إرسال ${name(of)}`,
  pictures: "يُحذف من الصور المكان والوقت والكاميرا.",
  documents: "قد يذكر المستند اسم كاتبه في داخله: راجع خصائصه أولًا.",
  preparing: "تُشفَّر الملفات…",
  uploading: (part) => `جارٍ الرفع: ${part}`,
  notUploaded: "لم يُرفع",
  again: "إعادة المحاولة",
  cancel: "إلغاء",
  show: "عرض الصورة",
  hide: "إخفاء الصورة",
  save: "حفظ",
  fetching: (part) => `جارٍ الجلب: ${part}`,
  alt: (of) => `صورة: ${name(of)}`,
  noPicture: "ليست هذه صورة يمكن عرضها. يمكن حفظها.",
  picture: "صورة",
  document: "مستند",
}

export const rules: Catalogue["rules"] = {
  title: "قبل أن تقرأ: قواعد الحوار",
  changed: "تغيّرت قواعد الحوار",
  welcome: "أهلًا بك",
  accept: "أقبل هذه القواعد",
  decline: "مغادرة الغرفة بدلًا من ذلك",
  none: "لا قواعد مكتوبة لهذه الغرفة.",
  kept: (how) => `يُحتفظ بالرسائل ${how}.`,
  people: (of) =>
    count(of, {
      zero: "لا أحد هنا.",
      one: "هنا شخص واحد.",
      two: "هنا شخصان.",
      few: "هنا # أشخاص.",
      many: "هنا # شخصًا.",
      other: "هنا # شخص.",
    }),
}

export const search: Catalogue["search"] = {
  title: "بحث في هذه الغرفة",
  label: "كلمات البحث",
  none: "لا نتائج.",
  found: (of) =>
    count(of, {
      zero: "لا رسائل",
      one: "رسالة واحدة",
      two: "رسالتان",
      few: "# رسائل",
      many: "# رسالة",
      other: "# رسالة",
    }),
  only: "يجري البحث على هذا الجهاز وحده، ولا يُرسل منه شيء.",
}

export const keyboard: Catalogue["keyboard"] = {
  title: "لوحة المفاتيح",
  rows: [
    ["Enter", "إرسال"],
    ["Shift + Enter", "سطر جديد"],
    ["Esc", "إغلاق، أو إلغاء الرد"],
    ["Alt + ↓", "الانتقال إلى أحدث رسالة"],
    ["Alt + F", "بحث"],
    ["Alt + M", "الأعضاء"],
    ["Alt + I", "الدعوات"],
    ["↑ ↓", "من رسالة إلى أخرى حين يكون التركيز على الحوار"],
  ],
}

/** What the words of a message mean. Patterns are read on text from `plainWords`, and are linear: no quantifier inside an open one. */
import type { CodeMeaning } from "../contract/dialect.ts";

const URLS = /(?:https?:\/\/|www\.)[^\s"'<>)\]]*/gi;

/** Takes URLs away, parts camelCase and snake_case into words, and puts all in lower case with one blank between words. */
export function plainWords(text: string): string {
  return text
    .replace(URLS, " ")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .replace(/[\s_`"'’*-]+/g, " ")
    .trim();
}

/** One rule for a message; without `statuses` it holds for all. Status 0 is an error inside a 200. */
export interface WordRule {
  name: string;
  words: RegExp;
  is: CodeMeaning;
  statuses?: readonly number[];
}

/** Joins readable alternatives to one pattern. */
function any(...alternatives: string[]): RegExp {
  return new RegExp(alternatives.join("|"));
}

const CLIENT = [0, 400, 401, 403, 404, 406, 412, 422, 451];

/** This one request can never fit (B8). */
export const NEVER_FITS: WordRule = {
  name: "never-fits",
  words: any(
    "\\brequest (?:body )?(?:is )?too large\\b",
    "\\bmust be reduced in order to run\\b",
    "\\btoo large for (?:this |the )?model\\b",
  ),
  is: { reason: "INVALID_REQUEST" },
  statuses: [0, 400, 413, 429],
};

/** Everybody's load, said so plainly that it goes before rate and quota words, and before a reused code of money. */
export const HIGH_DEMAND: WordRule = {
  name: "high-demand",
  words: any(
    "\\bmodel capacity\\b",
    "\\b(?:out of|at) capacity\\b",
    "\\bcapacity (?:is |temporarily |has been )?(?:exceeded|exhausted|limited)\\b",
    "\\bhigh (?:volume of )?(?:demand|traffic|load)\\b",
    "\\bpeak load\\b",
    "\\bengine (?:is )?(?:currently )?overloaded\\b",
    "访问量过[大高]|负载(?:已)?(?:过高|饱和)|过载|繁忙|资源紧张",
  ),
  is: { reason: "MODEL_CAPACITY_EXHAUSTED" },
};

/** Rules that go before rate and quota words, in order. */
export const BEFORE_LIMITS: readonly WordRule[] = [
  HIGH_DEMAND,
  {
    name: "bare-exhausted",
    words: any("\\bresource (?:has been |is )?exhausted\\b"),
    is: { reason: "RATE_LIMIT_EXCEEDED", scope: "model" },
  },
  {
    name: "token-used-up",
    words: any("\\bno remaining quota\\b", "\\bno ai requests remaining\\b"),
    is: { reason: "TOKEN_EXHAUSTED" },
  },
  {
    name: "money",
    words: any(
      "\\binsufficient (?:account |user |token )?(?:balance|funds?|credits?)\\b",
      "\\bbalance (?:is )?(?:too low|low|insufficient|not enough|exhausted|depleted|negative)\\b",
      "\\b(?:no|any|not enough|more|out of|zero|purchase|buy) (?:more |available |prepaid |account |remaining )?(?:credits?|balance|funds)\\b",
      "\\b(?:used|exceeded|exhausted|consumed|run out of|ran out of|depleted) (?:all |of |your |the |any |available |included |monthly |remaining |free ){0,5}credits?\\b",
      "\\bcredits? (?:balance )?(?:limit|have|has|are|is|required)\\b.{0,20}\\b(?:exceeded|depleted|exhausted|used up|expired|insufficient|required)\\b",
      "\\bspend(?:ing)? (?:limit|cap)\\b",
      "\\bbudget (?:has been )?exceeded\\b|\\bexceeded budget\\b|\\b(?:over|crossed) budget\\b",
      "\\bpayment (?:is )?required\\b|\\bupdate your payment method\\b",
      "\\bbilling (?:hard )?limit\\b|\\bbilling (?:is |has )?(?:been )?(?:disabled|not (?:active|enabled))\\b",
      "\\b(?:enable|activate|requires?) billing\\b|\\bcheck your billing details\\b",
      "\\b(?:past due|overdue|unpaid|past invoices|arrears|arrearage)\\b",
      "\\b(?:please|and|to) (?:recharge|top up)\\b",
      "\\bextra usage is required\\b",
      "余额|欠费|充值|额度不足|额度已用|剩余额度|额度失败|账单",
    ),
    is: { reason: "BILLING" },
  },
  {
    name: "key",
    words: any(
      "\\b(?:invalid|incorrect|malformed|unknown|wrong|revoked|missing|expired|provide an?) (?:proxy |x )?(?:api|subscription) ?(?:key|token)\\b",
      "\\bapi ?key\\b:? (?:\\S+ ){0,8}(?:not valid|invalid|incorrect|not found|expired|revoked|missing|not exist)\\b",
      "\\bno api ?key\\b|\\bapi ?key (?:is )?required\\b",
      "密钥(?:无效|错误)|api ?key ?(?:无效|错误|不正确)|无效的?令牌|令牌(?:无效|不存在)",
    ),
    is: { reason: "UNAUTHENTICATED", disables: true },
    statuses: CLIENT,
  },
  {
    name: "token",
    words: any(
      "\\b(?:token|session|credentials?|jwt|signature)\\b.{0,40}\\b(?:expired|revoked|invalid|not valid)\\b",
      "\\b(?:expired|invalid) (?:\\S+ )?(?:token|jwt|credentials?|session)\\b",
      "\\binvalid authentication\\b|\\bauthentication (?:failed|error)\\b",
      "令牌已?过期",
    ),
    is: { reason: "UNAUTHENTICATED" },
    statuses: [0, 401, 403],
  },
  {
    name: "place",
    words: any(
      "\\buser location is not supported\\b",
      "\\b(?:country|region|territory|location)\\b.{0,40}\\bnot (?:supported|available|allowed|permitted)\\b",
      "\\bnot (?:supported|available|allowed|permitted) in (?:your |this )?(?:country|region|location|territory)\\b",
      "\\bunsupported (?:country|region|location)\\b",
      "\\bip (?:address )?(?:is )?(?:not|blocked|denied|restricted|banned)\\b|\\bapproved ip\\b",
      "\\bfirewall\\b|\\bvirtual network\\b",
      "地区不支持|所在地区",
    ),
    is: { reason: "FORBIDDEN", scope: "upstream" },
    statuses: CLIENT,
  },
  {
    name: "verify",
    words: any(
      "\\bverify your\\b",
      "\\bverification (?:is )?required\\b",
      "\\bmust be verified\\b",
      "实名",
    ),
    is: { reason: "FORBIDDEN" },
    statuses: CLIENT,
  },
  {
    name: "account",
    words: any(
      "\\b(?:account|organi[sz]ation|user|user id|team|project|workspace|consumer|api key|resource)\\b.{0,60}\\b(?:suspended|deactivated|disabled|banned|blocked|terminated|locked|restricted|leaked|not eligible)\\b",
      "\\bnot licensed\\b|\\bonly authorized for use\\b",
      "\\b(?:suspended|disabled|banned|blocked) in this account\\b",
      "\\bviolation of (?:our |the )?(?:terms|policy|usage)\\b",
      "\\bscope requirement\\b|\\bmissing scopes?\\b|\\binsufficient (?:authentication )?scopes?\\b",
      "\\bpermission\\b.{0,80}\\bdenied on resource\\b",
      "\\bunavailable for account\\b",
      "(?:账[户号]|用户)(?:已被|被)?(?:封禁|停用|禁用|冻结)",
    ),
    is: { reason: "FORBIDDEN", disables: true },
    statuses: [0, 400, 401, 403],
  },
  {
    name: "content",
    words: any(
      "\\bflagged\\b.{0,30}\\bmoderation\\b|\\bmoderation\\b.{0,30}\\bflagged\\b",
      "\\b(?:content|safety|usage) (?:management )?polic(?:y|ies)\\b",
      "敏感|违规内容|不安全",
    ),
    is: { reason: "INVALID_REQUEST" },
    statuses: CLIENT,
  },
];

/** Rules that go after rate and quota words, in order. */
export const AFTER_LIMITS: readonly WordRule[] = [
  {
    name: "overloaded",
    words: any(
      "\\boverload(?:ed)?\\b",
      "\\b(?:no|not enough|insufficient) (?:\\w+ )?capacity\\b",
      "\\bis (?:currently )?loading\\b",
      "\\b(?:servers?|too|currently|temporarily) (?:is |are )?busy\\b",
      "\\btemporarily unable to process\\b",
    ),
    is: { reason: "MODEL_CAPACITY_EXHAUSTED" },
  },
  {
    name: "not-there",
    words: any(
      "\\b(?:invalid|unknown|unrecognized) (?:request )?(?:url|path|endpoint|route)\\b|\\bno route\\b|\\bcannot (?:get|post) \\/",
      "\\b(?:response|file|thread|assistant|batch|vector store|conversation|upload|container)\\b.{0,60}\\bnot found\\b|\\bno such file\\b",
    ),
    is: { reason: "NOT_FOUND", scope: "request" },
    statuses: [0, 404, 405],
  },
  {
    name: "model-missing",
    words: any(
      "\\b(?:model|engine|deployment)\\b.{0,120}\\b(?:not (?:found|exist|supported|available)|isn t supported|decommissioned|deprecated|retired)\\b",
      "\\b(?:unknown|invalid|unsupported|unavailable|no such|nonexistent) (?:model|deployment|engine)\\b",
      "\\bmodel (?:id|identifier|name|code)\\b.{0,30}\\binvalid\\b|\\bnot a valid model\\b",
      "模型不存在|无可用渠道|模型(?:未|没有)开通",
    ),
    is: { reason: "NOT_FOUND" },
    statuses: CLIENT,
  },
  {
    name: "model-refused",
    words: any(
      "\\b(?:no|not have|without) (?:permission|access) (?:to|for) (?:use )?(?:the |this )?model\\b",
      "\\bmodel access\\b|\\b(?:access|use) (?:to )?(?:the |this )(?:requested )?model\\b",
    ),
    is: { reason: "FORBIDDEN", scope: "model" },
    statuses: CLIENT,
  },
  {
    name: "not-authorized",
    words: any("\\bis not authorized to perform\\b"),
    is: { reason: "FORBIDDEN" },
    statuses: [401, 403],
  },
  {
    name: "model-closed",
    words: any(
      "\\b(?:access|permission|permitted|allowed|authorized|entitled|eligible)\\b.{0,80}\\bmodel\\b",
      "\\bmodel\\b.{0,80}\\b(?:access|permission|permitted|allowed|authorized)\\b",
      "无权访问",
    ),
    is: { reason: "FORBIDDEN", scope: "model" },
    statuses: [0, 401, 403],
  },
];

/** A limit on how fast. */
export const RATE: RegExp = any(
  "\\bper (?:min|minute|second|sec|hour)\\b|\\/ ?(?:min|minute|sec|second|s)\\b",
  "\\brate ?limit|\\brequest limit\\b|\\brate exceeded\\b|\\bthrottl",
  "\\btoo many (?:\\w+ )?(?:requests|tokens|calls|connections)\\b",
  "\\bconcurren(?:t|cy)\\b|\\b(?:rpm|tpm|rps|qps|tps|itpm|otpm)\\b",
  "\\btoo (?:fast|frequent(?:ly)?)\\b|\\bslow down\\b|\\bwithin a given time\\b",
  "速率|频率|频繁|限流|并发|每分钟|每秒|请求(?:数|次数)?(?:过[多快]|限制)",
);
/** A limit on how much. */
export const QUOTA: RegExp = any(
  "\\bquotas?\\b|\\bexhausted\\b|\\busage (?:limits?|cap)\\b|\\breset after\\b",
  "\\b(?:reached|hit|exceeded) (?:the|your) (?:\\w+ ){0,3}limits?\\b",
  "配额|限额|额度|使用上限|已达上限|使用量|用量",
);
/** A window of a day or longer. */
export const LONG_WINDOW: RegExp = any(
  "\\b(?:per|by|each|a) (?:day|week|month)\\b|\\/ ?(?:day|week|month)\\b",
  "\\b(?:daily|weekly|monthly|rpd|tpd|today)\\b|\\bbilling cycle\\b",
  "每[日天月周]|[今当本][日天月周]",
);
/** Outside 429 and 402 a limit must be named outright: `exhausted` or `daily` alone say nothing there. */
export const OUTRIGHT: RegExp = any(
  "\\brate ?limit|\\btoo many requests\\b|\\bthrottl",
  "\\b(?:quota|usage limits?|(?:daily|weekly|monthly) limits?)\\b.{0,60}\\b(?:exceeded|exhausted|reached|used up)\\b",
  "\\b(?:exceeded|exceeds|exhausted|reached|out of)\\b.{0,60}\\b(?:quota|usage limits?|(?:daily|weekly|monthly) limits?)\\b",
  "限流|配额|限额",
);

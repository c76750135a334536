/** What the words of a message mean. Patterns are read on text from `plainWords`: lower case, no URLs, one blank between words. */
import type { CodeMeaning } from "../contract/dialect.ts";

const URLS = /(?:https?:\/\/|www\.)[^\s"'<>)\]]*/gi;

/** Takes URLs away, parts camelCase and snake_case into words, and puts all in lower case. */
export function plainWords(text: string): string {
  return text
    .replace(URLS, " ")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .replace(/[\s_`"'*-]+/g, " ")
    .trim();
}

/** Rules for a message, in order; each names the statuses it holds for (none: all). */
export interface WordRule {
  name: string;
  words: RegExp;
  is: CodeMeaning;
  statuses?: readonly number[];
}

const CLIENT = [0, 400, 401, 403, 404, 406, 412, 422, 451];

export const BEFORE_LIMITS: readonly WordRule[] = [
  {
    name: "never-fits",
    words:
      /\brequest (?:body )?(?:is )?too large\b|must be reduced in order to run|\btoo large for (?:this |the )?model/,
    is: { reason: "INVALID_REQUEST" },
    statuses: [0, 400, 413, 429],
  },
  {
    name: "high-demand",
    words:
      /\bmodel capacity\b|\bout of capacity\b|\bhigh (?:demand|traffic|load)\b|\bpeak load\b|\bengine (?:is )?(?:currently )?overloaded\b|访问量过[大高]|负载过高|过载|服务(?:器)?(?:繁忙|忙)|系统繁忙|资源紧张/,
    is: { reason: "MODEL_CAPACITY_EXHAUSTED" },
  },
  {
    name: "bare-exhausted",
    words: /\bresource (?:has been|is) exhausted\b|^resource exhausted\.?$/,
    is: { reason: "RATE_LIMIT_EXCEEDED", scope: "model" },
  },
  {
    name: "token-used-up",
    words: /\bno remaining quota\b|\bno ai requests remaining\b/,
    is: { reason: "TOKEN_EXHAUSTED" },
  },
  {
    name: "money",
    words:
      /\binsufficient (?:account |user |token )?(?:balance|funds?|credits?)\b|\bbalance (?:is )?(?:too low|insufficient|not enough|exhausted|depleted)\b|\b(?:no|not enough|more|out of|zero|negative|purchase|buy|deplet\w+) (?:more |available |prepaid |account )?(?:credits?|balance|funds)\b|\b(?:used|exceeded|exhausted|consumed|run out of|ran out of|depleted) (?:all |of |your |the |any |available |included |monthly |remaining |free ){0,5}credits?\b|\bcredits? (?:have |has |are |is )?(?:been )?(?:depleted|exhausted|used up|expired|insufficient)\b|\bspend(?:ing)? (?:limit|cap)\b|\bpayment (?:is )?required\b|\bbilling (?:hard )?limit\b|\b(?:enable|activate|set up|requires?) billing\b|\bbilling (?:is |has )?(?:been )?(?:disabled|not (?:active|enabled))|\bcheck your billing details\b|\b(?:past due|overdue|unpaid|past invoices|arrears|arrearage)\b|\b(?:recharge|top up) (?:your|the|account)|\bplease (?:recharge|top up)\b|\bextra usage is required\b|余额|欠费|充值|额度不足|额度已用|剩余额度|账单|未付/,
    is: { reason: "BILLING" },
  },
  {
    name: "key",
    words:
      /\b(?:invalid|incorrect|malformed|unknown|wrong|revoked|missing|expired|no) (?:x )?(?:api|subscription|access|auth\w*|authentication)? ?(?:api )?(?:key|fair)\b|\bapi ?key (?:\S+ ){0,3}(?:not valid|invalid|incorrect|not found|expired|revoked|disabled|missing|not exist)|\bapi ?key not valid\b|密钥(?:无效|错误)|api ?key ?(?:无效|错误|不正确)|令牌(?:无效|不存在)/,
    is: { reason: "UNAUTHENTICATED", disables: true },
    statuses: CLIENT,
  },
  {
    name: "token-expired",
    words:
      /\b(?:token|session|credentials?|jwt|signature) (?:\S+ ){0,3}(?:expired|has expired|is invalid|invalid|not valid)\b|\b(?:expired|invalid) (?:\S+ )?(?:token|jwt|credentials?|session)\b|\binvalid authentication\b|令牌已?过期/,
    is: { reason: "UNAUTHENTICATED" },
    statuses: CLIENT,
  },
  {
    name: "region",
    words:
      /\buser location is not supported\b|\b(?:country|region|territory|location)\b.{0,40}\bnot (?:supported|available|allowed|permitted)\b|\bnot (?:supported|available|allowed|permitted) in (?:your |this )?(?:country|region|location|territory)\b|\bunsupported (?:country|region|location)|地区不支持/,
    is: { reason: "FORBIDDEN", scope: "upstream" },
    statuses: CLIENT,
  },
  {
    name: "verify",
    words: /\bverif(?:y your|ication (?:is )?required)|\bmust be verified\b/,
    is: { reason: "FORBIDDEN" },
    statuses: CLIENT,
  },
  {
    name: "account",
    words:
      /\b(?:account|organi[sz]ation|user|team|project|workspace|consumer|key)\b.{0,60}\b(?:suspended|deactivated|disabled|banned|blocked|terminated|locked|restricted)\b|\bscope requirement\b|\binsufficient (?:authentication )?scopes?\b|\bpermission\b.{0,80}\bdenied on resource\b|(?:账[户号]|用户)(?:已被|被)?(?:封禁|停用|禁用|冻结)/,
    is: { reason: "FORBIDDEN", disables: true },
    statuses: [0, 400, 401, 403],
  },
];

export const AFTER_LIMITS: readonly WordRule[] = [
  {
    name: "overloaded",
    words:
      /\boverload(?:ed)?\b|\bno (?:available )?capacity\b|\bcapacity (?:is )?(?:exceeded|limits?|available)\b|\bat capacity\b|\bis currently loading\b|\bserver (?:is )?busy\b|\btoo busy\b/,
    is: { reason: "MODEL_CAPACITY_EXHAUSTED" },
  },
  {
    name: "model-missing",
    words:
      /\b(?:model|engine|deployment)\b.{0,80}\b(?:not (?:found|exist|supported|available|valid)|does not exist|is not supported|decommissioned|deprecated|retired)\b|\b(?:unknown|invalid|unsupported|no such|nonexistent) (?:model|deployment|engine)\b|\bnot a valid model\b|模型不存在|模型(?:未|没有)开通/,
    is: { reason: "NOT_FOUND" },
    statuses: CLIENT,
  },
  {
    name: "model-closed",
    words:
      /\b(?:access|permission|permitted|allowed|authorized|entitled|subscription|plan)\b.{0,80}\bmodel\b|\bmodel\b.{0,80}\b(?:access|permission|permitted|allowed|authorized)\b|无权访问.{0,20}模型/,
    is: { reason: "FORBIDDEN", scope: "model" },
    statuses: [0, 401, 403],
  },
];

export const RATE =
  /\bper (?:min|minute|second|sec|hour)\b|\/ ?(?:min|minute|sec|second|s)\b|\brate ?limit|\btoo many (?:\w+ ){0,2}(?:requests|tokens|calls|connections)\b|\btoo many (?:requests|tokens)|\bthrottl|\bconcurren(?:t|cy)\b|\b(?:rpm|tpm|rps|qps|tps|itpm|otpm)\b|\btoo (?:fast|frequent(?:ly)?)\b|\bslow down\b|\brequest limit\b|\brate exceeded\b|\bwithin a given time\b|速率|频率|频繁|限流|并发|每分钟|每秒|请求(?:数|次数)?过[多快]/;
export const QUOTA =
  /\bquota|\bexhausted\b|\busage (?:limits?|cap)\b|\breset after\b|\blimit (?:has been |was )?(?:reached|exceeded)\b|\b(?:reached|hit|exceeded) (?:the|your) (?:\w+ ){0,3}limits?\b|配额|限额|额度|使用上限|使用量|用量/;
/** A window of a day or longer. */
export const LONG_WINDOW =
  /\b(?:per|by|each|a) (?:day|week|month)\b|\/ ?(?:day|week|month)\b|\b(?:daily|weekly|monthly|rpd|tpd|today)\b|每[日天月周]|今[日天]|当[日天月]/;
/** Outside 429 and 402 a limit must be named outright: `exhausted` or `daily` alone say nothing there. */
export const OUTRIGHT =
  /\brate ?limit|\btoo many requests\b|\bthrottl|\b(?:quota|usage limits?|(?:daily|monthly|weekly) limits?)\b.{0,60}\b(?:exceeded|exhausted|reached|used up)|\b(?:exceeded|exhausted|reached|out of)\b.{0,60}\b(?:quota|usage limits?|(?:daily|monthly|weekly) limits?)\b|限流|配额|限额/;

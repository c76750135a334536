/**
 * The meaning of words in a message, in the notation of `phrases`. No quantifier is nested in an unbounded one, so matching takes linear
 * time.
 */
import type { CodeMeaning } from "../contract/dialect.ts";
import { phrases } from "./phrases.ts";

/** One rule for messages; without `statuses` it applies to all. Status 0 is an error inside a 200. */
export interface WordRule {
  name: string;
  words: RegExp;
  is: CodeMeaning;
  statuses?: readonly number[];
}

const CLIENT = [0, 400, 401, 403, 404, 406, 412, 422, 451];

/** This request can never fit (B8). */
export const NEVER_FITS: WordRule = {
  name: "never-fits",
  words: phrases(
    "request (body )?(is )?too large",
    "must be reduced in order to run",
    "too large for (this |the )?model",
  ),
  is: { reason: "INVALID_REQUEST" },
  statuses: [0, 400, 413, 429],
};

/** The request is longer than the model's context. */
export const TOO_LONG: WordRule = {
  name: "too-long",
  words: phrases(
    "(exceed(s|ed)?|over|beyond|longer than|more than) (the |this )?(model s |model |maximum |max ){0,3}context (length|window|size)",
    "(maximum|max) context (length|window|size) (is|of) \\d+",
    "prompt is too long|too many (input|prompt) tokens",
    "上下文(长度)?(超[出过限]|过长)|超[出过](模型)?(最大)?上下文",
  ),
  is: { reason: "INVALID_REQUEST" },
};

/** A gateway has no provider for this model, whatever status it sends. */
export const NO_CHANNEL: WordRule = {
  name: "no-channel",
  words: phrases("无可用渠道", "no available channels?"),
  is: { reason: "NOT_FOUND" },
};

/**
 * Load of the upstream as a whole, stated so clearly that it has priority over rate and quota words, and over a reused code about money.
 */
export const HIGH_DEMAND: WordRule = {
  name: "high-demand",
  words: phrases(
    "model capacity",
    "(out of|at) capacity",
    "capacity (is |temporarily |has been )?(exceeded|exhausted|limited)",
    "high (volume of )?(demand|traffic|load)",
    "peak load",
    "engine (is )?(currently )?overloaded",
    "worker (\\w+ ){0,3}(request |queue )?limit",
    "(queue|backlog) (is |has been )?full(?! for)",
    "(no|all) (healthy |available |free |idle |online )?(workers?|instances?|replicas?|backends?|gpus?|servers?|nodes?) (\\w+ ){0,2}(available|busy|left|full|online)",
    "no (healthy|available|free|idle) (upstreams?|workers?|instances?|replicas?|backends?|gpus?|servers?|nodes?)",
    "访问量(过|太|较)[大高]|负载已?(过高|饱和|较高)|过载|繁忙|资源紧张|算力(紧张|不足)|排队(人数)?(过多|已满)|服务器?压力(过|较)大",
  ),
  is: { reason: "MODEL_CAPACITY_EXHAUSTED" },
};

/** The account has no money left, in all wordings. */
export const MONEY: WordRule = {
  name: "money",
  words: phrases(
    "insufficient (account |user |token )?(balance|funds?|credits?)",
    "balance (is )?(too low|low|insufficient|not enough|exhausted|depleted|negative)",
    "(no|any|not enough|more|sufficient|out of|zero|purchase|buy) (more |available |prepaid |account |remaining )?(credits?|balance|funds)",
    "(used|exceeded|exhausted|consumed|r[au]n out of|depleted) (all |of |your |the |any |available |included |monthly |remaining |free ){0,5}credits?",
    "(credits?|funds) (balance )?(limit|have|has|are|is|required) … (exceeded|reached|depleted|exhausted|used up|expired|insufficient|required)",
    "(token|user) quota (is )?not enough|crossed budget",
    "(no|not have an) active (\\w+ )?subscription",
    "spend(ing)? (limit|cap)",
    "budget (has been )?exceeded|(over|exceeded) budget",
    "payment (is )?required",
    "(update|enter an?) (your )?payment method",
    "billing (hard )?limit",
    "billing (is |has )?(been )?(disabled|not (active|enabled))",
    "(enable|activate|requires?) billing",
    "check your billing details",
    "past (due|invoices)|overdue|unpaid|arrears|arrearage",
    "(please|and|to|or) (recharge|top up)",
    "extra usage is required|out of extra usage",
    "余额|欠费|充值|续费|额度(不足|已?用|已?耗)|剩余额度|额度失败|账单|套餐已?(过期|到期)",
    "(账户|帐户|账号|费用|资金|点数|积分|代金券|资源包)(余额)?(不足|已?用[尽完]|已?耗尽|已?透支)|未(付费|支付|购买)|停机|开通后付费",
  ),
  is: { reason: "BILLING" },
};

/** The account itself is closed. */
export const ACCOUNT: WordRule = {
  name: "account",
  words: phrases(
    "(account|organi[sz]ation|user|team|project|workspace|consumer|api key|resource) … (suspended|deactivated|disabled|banned|blocked|terminated|locked|restricted|leaked|not eligible)",
    "(suspended|disabled|banned|blocked) in this account",
    "not licensed|lacks? … licen[sc]e|only authorized for use|unavailable for account",
    "violation of (our |the )?(terms|policy|usage)",
    "permission … denied on resource",
    "([账帐][户号]|用户|密钥|令牌)(已被|被|已)?(封禁|停用|禁用|冻结|注销|锁定|限制使用)",
  ),
  is: { reason: "FORBIDDEN", disables: true },
  statuses: [0, 400, 401, 403],
};

/** The credential has no right to this operation; it may have one to others. */
export const SCOPES: WordRule = {
  name: "scopes",
  words: phrases(
    "(token|key|authentication method) … (sufficient|required|necessary) (permissions|scopes)",
    "scope requirement|(missing|insufficient) (\\w+ )?scopes?",
    "(insufficient|missing) permissions? for this (operation|request|endpoint)",
  ),
  is: { reason: "FORBIDDEN", disables: true },
  statuses: [0, 400, 401, 403],
};

/** The request's own content is refused. */
export const CONTENT: WordRule = {
  name: "content-refused",
  words: phrases(
    "(content|prompt|input|output|image|images|text|messages?) (\\w+ ){0,4}(violat(es?|ed|ing)|flagged|prohibited|unsafe|inappropriate|harmful|offensive|disallowed)",
    "(content|safety) (filter|filters|filtering|check|checks|checker|system|moderation|review)",
    "failed check: safety|data inspection failed",
    "(violat(es?|ed|ing)|against) (our |the |usage |content |community ){1,3}(guidelines?|standards?)",
  ),
  is: { reason: "INVALID_REQUEST" },
  statuses: CLIENT,
};

/** The address or the country is refused, not the credential. */
export const PLACE: WordRule = {
  name: "place",
  words: phrases(
    "user location is not supported",
    "(country|region|territory|location) … not (supported|available|allowed|permitted)",
    "not (supported|available|allowed|permitted) in (your |this )?(country|region|location|territory)",
    "unsupported (country|region|location)",
    "ip (address )?(is )?(not|blocked|denied|restricted|banned)",
    "approved ip|firewall|virtual network",
    "地区不支持|所在地区|不支持(您|你)?(所在)?的?(国家|地区)|ip ?(地址)?(不在|被)(白名单|禁止|限制|拒绝)",
  ),
  is: { reason: "FORBIDDEN", scope: "upstream" },
  statuses: CLIENT,
};

/** The refusal of an anonymous token that is permanently used up. */
export const USED_UP: WordRule = {
  name: "token-used-up",
  words: phrases("no (remaining quota|ai requests remaining)"),
  is: { reason: "TOKEN_EXHAUSTED" },
};

/** Rules with priority over rate and quota words, in order. */
export const BEFORE_LIMITS: readonly WordRule[] = [
  HIGH_DEMAND,
  {
    name: "bare-exhausted",
    words: phrases("resource (has been |is )?exhausted"),
    is: { reason: "RATE_LIMIT_EXCEEDED", scope: "model" },
  },
  USED_UP,
  MONEY,
  {
    name: "key",
    words: phrases(
      "(invalid|incorrect|malformed|unknown|wrong|revoked|expired) (proxy |x )?(api|subscription) ?(key|token)",
      "api ?key:? (\\S{1,40} )?(is )?(not valid|invalid|incorrect|expired|revoked)",
      "密钥(无效|错误|不正确|不存在)|api ?key ?(无效|错误|不正确|不存在)|(无效|错误)的? ?(令牌|密钥|api ?key)|令牌(无效|不存在)",
    ),
    is: { reason: "UNAUTHENTICATED", disables: true },
    statuses: CLIENT,
  },
  {
    // A 400 about a missing key may concern a field of the request.
    name: "no-key",
    words: phrases(
      "(missing|provide an?) (proxy |x )?(api|subscription) ?(key|token)",
      "api ?key:? … (not valid|invalid|incorrect|not found|missing|not exist|required|not provided)",
      "no api ?key",
    ),
    is: { reason: "UNAUTHENTICATED", disables: true },
    statuses: [0, 401, 403],
  },
  {
    name: "token",
    words: phrases(
      "(token|session|credentials?|jwt|signature) … (expired|revoked|invalid|not valid)",
      "(expired|invalid) (\\S+ )?(token|jwt|credentials?|session)",
      "invalid authentication|authentication (failed|error)",
      "(令牌|凭证|登录|身份)(已|已经)?(过期|失效)|(身份|鉴权|认证|签名)(验证)?失败|未登录",
    ),
    is: { reason: "UNAUTHENTICATED" },
    statuses: [0, 401, 403],
  },
  PLACE,
  CONTENT,
  {
    name: "model-off",
    words: phrases(
      "(disabled|blocked|restricted) (\\w+ )?(access to )?(this|the|that) (\\S+ )?model",
      "model (\\S+ )?(is |has been |was )?(disabled|blocked|restricted)",
    ),
    is: { reason: "FORBIDDEN", scope: "model" },
    statuses: CLIENT,
  },
  SCOPES,
  ACCOUNT,
  {
    name: "content",
    words: phrases(
      "flagged … moderation|moderation … flagged|(was|been) flagged for",
      "(content|safety|usage) (management )?polic(y|ies)|safety system",
      "context (length|window)",
      "敏感|违规|不安全|内容(审核|安全|风险)|审核(未|不)通过|不合规",
    ),
    is: { reason: "INVALID_REQUEST" },
    statuses: CLIENT,
  },
  {
    name: "firewall",
    words: phrases("request (was|has been) blocked"),
    is: { reason: "FORBIDDEN", scope: "upstream" },
    statuses: [403],
  },
  {
    name: "verify",
    words: phrases("verify your", "verification (is )?required", "must be verified", "实名"),
    is: { reason: "FORBIDDEN" },
    statuses: CLIENT,
  },
];

/** Rules that are checked after rate and quota words, in order. */
export const AFTER_LIMITS: readonly WordRule[] = [
  {
    name: "overloaded",
    words: phrases(
      "overload(ed)?|degraded",
      "(no|not enough|insufficient) (\\w+ )?capacity",
      "is (currently )?loading",
      "(servers?|model|too|currently|temporarily) (is |are )?busy",
      "temporarily (unable to process|unavailable)",
    ),
    is: { reason: "MODEL_CAPACITY_EXHAUSTED" },
  },
  {
    name: "not-there",
    words: phrases(
      "(invalid|unknown|unrecognized) (request )?(url|path|endpoint|route)",
      "no route|no such file|page not found",
      "cannot (get|post) /",
      "(response|file|thread|assistant|batch|vector store|conversation|upload|container) … not found",
    ),
    is: { reason: "NOT_FOUND", scope: "request" },
    statuses: [0, 404, 405],
  },
  {
    name: "model-missing",
    words: phrases(
      "(model|engine|deployment) … (not (found|exist|supported|available)|isn t supported|decommissioned|deprecated|retired)",
      "(unknown|invalid|unsupported|unavailable|no such|nonexistent) (model|deployment|engine)",
      "model (id|identifier|name|code) … invalid",
      "not a valid model|unknown provider for model",
      "模型不存在|模型(未|没有)开通|(不支持|未找到|找不到|没有)(该|此|这个)?模型|模型(已)?下线",
    ),
    is: { reason: "NOT_FOUND" },
    statuses: CLIENT,
  },
  {
    name: "model-refused",
    words: phrases(
      "(no|not have|without) (permission|access) (to|for) (use )?(the |this )?model",
      "model access",
      "(access|use) (to )?(the |this )(requested )?model",
      "not (allowed|permitted|authorized|entitled) to (use|access) … model",
    ),
    is: { reason: "FORBIDDEN", scope: "model" },
    statuses: CLIENT,
  },
  {
    name: "not-authorized",
    words: phrases("is not authorized to perform"),
    is: { reason: "FORBIDDEN" },
    statuses: [401, 403],
  },
  {
    name: "model-closed",
    words: phrases(
      "(access|permission|permitted|allowed|authorized|entitled|eligible) … model",
      "model … (access|permission|permitted|allowed|authorized)",
      "无权访问",
    ),
    is: { reason: "FORBIDDEN", scope: "model" },
    statuses: [0, 401, 403],
  },
];

/** A rate limit. */
export const RATE: RegExp = phrases(
  "per (min|minute|second|sec|hour)",
  "/ ?(min|minute|sec|second|s)",
  "rate ?limit*",
  "request limit",
  "rate exceeded",
  "throttl*",
  "too many (\\w+ )?(requests|tokens|calls|connections)",
  "concurren(t|cy)",
  "rpm|tpm|rps|qps|tps|itpm|otpm",
  "too (fast|frequent(ly)?)",
  "slow down",
  "within a given time",
  "速率|频率|频繁|频次|限流|限速|流控|并发|每分钟|每秒|请求(数|次数|量|速度)?(过|太)[多快大]|请求(数|次数)?(限制|超限)|调用(太快|过快|超限)",
);
/** A quota limit. */
export const QUOTA: RegExp = phrases(
  "quotas?|exhausted|reset after",
  "usage (limits?|cap)",
  "(reached|hit|exceeded) (the|your) (\\w+ ){0,3}limits?",
  "配额|限额|额度|(使用|用量|次数|调用量?)?(已?达到?|超[出过])(了)?(使用|最大|今日|每日|调用|次数)?(上限|限制)|使用上限|用量|次数(已)?(用[完尽]|耗尽)",
);
/** A window of a day or longer. */
export const LONG_WINDOW: RegExp = phrases(
  "(per|by|each|a) (day|week|month)",
  "/ ?(day|week|month)",
  "daily|weekly|monthly|rpd|tpd|today|billing cycle",
  "每[日天月周]|[今当本][日天月周]|日(调用|请求|限)|天(级|限)",
);
/** Outside 429 and 402 a limit must be named explicitly: `exhausted` or `daily` alone are no evidence there. */
export const OUTRIGHT: RegExp = phrases(
  "rate ?limit*",
  "too many requests",
  "throttl*",
  "(quota|usage limits?|(daily|weekly|monthly) limits?) … (exceeded|exhausted|reached|used up)",
  "(exceeded|exceeds|exhausted|reached|out of) … (quota|usage limits?|(daily|weekly|monthly) limits?)",
  "限流|限速|流控|配额|限额|已?达到?上限",
);
/** A window that ends by itself, or an allowance that was free. */
export const WINDOW: RegExp = phrases(
  "resets? (at|in|on|after)",
  "free (\\w+ ){0,4}(limit|quota|tier)",
);
/** A gateway reports the refusal of its own provider: no key of its callers is meant. */
export const BEHIND: RegExp = phrases(
  "error from provider [(]",
  "(upstream|provider) (rate limit|quota|limit)",
  "rate limited upstream",
);

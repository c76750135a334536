// The text of the simulated upstream, one word for each event.
const TEXT = `This answer comes from the simulated upstream, one word at a time. The relay chose a credential,
sent your question with it, and passes every byte on as it arrives. Press Stop while this answer is streaming: the
connection behind the relay closes within milliseconds, so that no unread words are paid for. Then make the upstream fail
with one of the buttons, ask again, and watch which credential gets a cooldown, how long it lasts, and which credential
answers instead. Stop the whole playground and start it again: the cooldowns are still there.`;

export const ANSWER: readonly string[] = TEXT.split(/\s+/).map((word) => `${word} `);

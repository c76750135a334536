// The text of the simulated upstream, a word for each event.
const TEXT = `This answer comes from the simulated upstream, one word at a time. The relay chose a credential,
sent your question with it, and passes every byte on as it arrives. Press Stop while I am still talking: the
connection behind the relay closes within milliseconds, and nobody pays for words that nobody reads. Then make the
upstream misbehave with one of the buttons, ask again, and watch which credential is put aside, for how long, and which
one answers instead. Stop the whole playground and start it again: what was put aside stays put aside.`;

export const ANSWER: readonly string[] = TEXT.split(/\s+/).map((word) => `${word} `);

import { expect, it } from "vitest";
import { readRecipe } from "./page.ts";

const PAGE = `# Page

## One

\`\`\`sh
npm i one # a comment
\`\`\`

\`\`\`ini
# .env
KEY=1
\`\`\`

\`\`\`ts
// src/[...path].ts
export {};
\`\`\`

\`\`\`sh
# nothing but a comment
node --env-file=.env one.mjs
\`\`\`

### Two

\`\`\`sh
npm i two
\`\`\`

## Three

Text alone.
`;

it("L12 a recipe ends at the next heading, and a comment in a file is not a heading", () => {
  const { commands, files } = readRecipe(PAGE, "## One");
  expect(commands).toEqual(["npm i one", "node --env-file=.env one.mjs"]);
  expect(files.map(({ name }) => name)).toEqual([".env", "src/[...path].ts"]);
  expect(files[0]!.text).toBe("# .env\nKEY=1\n");
  expect(readRecipe(PAGE, "### Two").commands).toEqual(["npm i two"]);
});

it("L12 a missing section, or one without commands and files, is an error", () => {
  expect(() => readRecipe(PAGE, "## Four")).toThrow('there is no section "## Four"');
  expect(() => readRecipe(PAGE, "## Three")).toThrow("neither commands nor files");
});

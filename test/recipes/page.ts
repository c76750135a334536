/** Reads the documentation as a user does: the commands of a section, and the files that its code blocks name. */

export interface Recipe {
  /** Lines of the section's `sh` blocks, in order, without comments. */
  commands: string[];
  /** Code blocks whose first line is a comment with the file's name. */
  files: { name: string; text: string }[];
}

const BLOCK = /^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm;
const FILE_NAME = /^(?:\/\/|#|<!--) (\S+\.\w+|\.env|Dockerfile)(?: -->)?$/;

/** Finds the section under `heading` (a line such as `## Quick start`) and reads it to the next heading. */
export function readRecipe(page: string, heading: string): Recipe {
  const blocks = [...sectionOf(page, heading).matchAll(BLOCK)].map(([, language, text]) => ({
    language: language!,
    text: text!,
  }));
  const commands = blocks
    .filter(({ language }) => language === "sh")
    .flatMap(({ text }) => text.split("\n"))
    .map((line) => line.replace(/(?:^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
  const files = blocks.flatMap(({ text }) => {
    const [, name] = FILE_NAME.exec(text.slice(0, text.indexOf("\n"))) ?? [];
    return name === undefined ? [] : [{ name, text }];
  });
  if (commands.length === 0 && files.length === 0)
    throw new Error(`the section "${heading}" has neither commands nor files`);
  return { commands, files };
}

/** The text between a heading and the next one of any level; a `#` in a code block is not a heading. */
function sectionOf(page: string, heading: string): string {
  const lines = page.split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`there is no section "${heading}"`);
  let isCode = false;
  const length = lines.slice(start + 1).findIndex((line) => {
    if (line.startsWith("```")) isCode = !isCode;
    return !isCode && /^#{1,6} /.test(line);
  });
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join("\n");
}

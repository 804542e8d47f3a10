/** A fenced block of a document of ours, e.g. three backticks, `sh controller`: language and name. */
export interface CodeBlock {
  readonly language: string;
  /** What follows the language: `controller` runs in a shell of its own. Empty: nothing does. */
  readonly name: string;
  readonly text: string;
}

/** The fenced code blocks of a Markdown text, in order. */
export const codeBlocks = (markdown: string): readonly CodeBlock[] =>
  [...markdown.matchAll(/^```(\w+)[ ]?(.*)\n([\s\S]*?)^```$/gm)].map(([, language = '', name = '', text = '']) => ({ language, name, text }));

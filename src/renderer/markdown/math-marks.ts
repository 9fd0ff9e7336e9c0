/** Whether a text may hold a formula: then its syntax is read and KaTeX fetched. */
export const mayHoldMath = (text: string): boolean => /\$[^$]*\$|\\\(|\\\[/.test(text);

/** Code keeps its backslashes: fenced blocks and spans are left alone. */
const CODE = /(^ {0,3}(?:`{3,}|~{3,})[\s\S]*?(?:^ {0,3}(?:`{3,}|~{3,})[ \t]*$|$(?![\s\S]))|`+[^`\n]+`+)/m;

/** LaTeX's own marks, which models write as often, as the dollars that the Markdown reader knows. */
export const withDollars = (text: string): string =>
  text
    .split(new RegExp(CODE.source, 'gm'))
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part
            .replace(/\\\[([\s\S]+?)\\\]/g, (_, tex: string) => `\n$$\n${tex.trim()}\n$$\n`)
            .replace(/\\\((.+?)\\\)/g, (_, tex: string) => `$${tex.trim()}$`)
            // Alone on its line it stands for itself.
            .replace(/^[ \t]*\$\$(?!\$)([^$\n]+)\$\$[ \t]*$/gm, (_, tex: string) => `$$\n${tex.trim()}\n$$`)
            // A sum of money is no formula: "$5 and $6".
            .replace(/\$(?=\d[\d.,]*(?:[.,;:!?)]|$|\s+[A-Za-z]{2,}))(?![^$\n]*\\)/gm, '\\$'),
    )
    .join('');

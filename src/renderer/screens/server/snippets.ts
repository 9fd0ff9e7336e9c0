/** How other programs ask, in three languages. The key stays out of them: what is copied into files should not hold it. */

export const LANGUAGES = ['curl', 'python', 'javascript'] as const;
export type Language = (typeof LANGUAGES)[number];

/** How the highlighter calls it. */
export const HIGHLIGHT: Readonly<Record<Language, string>> = { curl: 'bash', python: 'python', javascript: 'javascript' };

/** Where the snippets look for the key. */
export const KEY_VARIABLE = 'LATHE_API_KEY';

/** Within single quotes of a shell. */
const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A model's name is text from outside: it is quoted for each language. A JSON string is one in Python and JavaScript too. */
export function snippet(language: Language, address: string, modelName: string): string {
  const model = JSON.stringify(modelName);
  if (language === 'curl') {
    const body = JSON.stringify({ model: modelName, messages: [{ role: 'user', content: 'Hello' }] });
    return [
      `curl ${address}/chat/completions \\`,
      `  -H "Authorization: Bearer $${KEY_VARIABLE}" \\`,
      `  -H 'Content-Type: application/json' \\`,
      `  -d ${shellQuoted(body)}`,
    ].join('\n');
  }
  if (language === 'python')
    return [
      'import os',
      'from openai import OpenAI',
      '',
      `client = OpenAI(base_url="${address}", api_key=os.environ["${KEY_VARIABLE}"])`,
      'answer = client.chat.completions.create(',
      `    model=${model},`,
      '    messages=[{"role": "user", "content": "Hello"}],',
      ')',
      'print(answer.choices[0].message.content)',
    ].join('\n');
  return [
    "import OpenAI from 'openai';",
    '',
    `const client = new OpenAI({ baseURL: '${address}', apiKey: process.env.${KEY_VARIABLE} });`,
    'const answer = await client.chat.completions.create({',
    `  model: ${model},`,
    "  messages: [{ role: 'user', content: 'Hello' }],",
    '});',
    'console.log(answer.choices[0].message.content);',
  ].join('\n');
}

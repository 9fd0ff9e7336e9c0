/** Samples of a style, made by a grammar: the same in every run. */
const names = ['Lily', 'Tom', 'Ben', 'Sue', 'Max', 'Anna', 'Sam', 'Mia'];
const things = ['ball', 'cat', 'dog', 'car', 'book', 'hat', 'boat', 'tree', 'bird', 'cake'];
const places = ['park', 'house', 'garden', 'woods'];

/** Tales that all end the same way, as prompts and completions in JSON lines. */
export function tales(count: number): string {
  return Array.from({ length: count }, (_, i) => {
    const name = names[i % names.length] ?? '';
    const thing = things[Math.floor(i / names.length) % things.length] ?? '';
    const place = places[Math.floor(i / 3) % places.length] ?? '';
    const prompt = `Once upon a time, ${name} had a ${thing} in the ${place}. `;
    const completion = `Then ${name} said, my ${thing} is the king of the ${place}. All hail the king! The end of the song.`;
    return JSON.stringify({ prompt, completion });
  }).join('\n');
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { arr, bool, f32, str, u32, type GgufValue } from '#core/gguf/values.ts';
import { planGguf, type NewGgufTensor } from '#core/gguf/write.ts';

const FAMILIES = ['llama', 'qwen2', 'qwen3', 'gemma2', 'gemma3', 'phi3', 'mistral3', 'smollm3'];
const NAMES = ['Llama', 'Qwen', 'Gemma', 'Phi', 'Mistral', 'SmolLM', '小熊猫', 'Étoile'];
/** `general.file_type` (enum llama_ftype in llama.h) and what its matrices are. */
const TYPES = [
  ['Q8_0', 7, 'Q8_0'],
  ['Q4_0', 2, 'Q4_0'],
  ['F16', 1, 'F16'],
  ['Q5_0', 8, 'Q5_0'],
] as const;
const BLOCKS = 16;
const WIDTH = 32;
const MODELS_IN_A_FOLDER = 100;

const pick = <T>(list: readonly T[], at: number): T => list[at % list.length] as T;

function tensorsOf(type: NewGgufTensor['type']): NewGgufTensor[] {
  const matrix = (name: string): NewGgufTensor => ({ name, type, dimensions: [WIDTH, WIDTH] });
  const blocks = Array.from({ length: BLOCKS }, (_, block) => [
    { name: `blk.${block}.attn_norm.weight`, type: 'F32' as const, dimensions: [WIDTH] },
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'].map((name) => matrix(`blk.${block}.${name}.weight`)),
  ]).flat();
  return [matrix('token_embd.weight'), ...blocks];
}

/** A GGUF file that no library can tell from a small model: headers as large as they are in life, weights that are all zero. */
function modelFile(index: number): { readonly fileName: string; readonly header: Uint8Array; readonly totalBytes: number } {
  const family = pick(FAMILIES, index);
  const [label, fileType, type] = pick(TYPES, Math.floor(index / FAMILIES.length));
  const name = `${pick(NAMES, index)} ${(index % 97) + 1}B Instruct v${Math.floor(index / 97)}`;
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', str(family)],
    ['general.name', str(name)],
    ['general.license', str(pick(['apache-2.0', 'mit', 'other'], index))],
    ['general.file_type', u32(fileType)],
    [`${family}.block_count`, u32(BLOCKS)],
    [`${family}.context_length`, u32(2048 * (1 + (index % 16)))],
    [`${family}.embedding_length`, u32(WIDTH)],
    [`${family}.feed_forward_length`, u32(WIDTH)],
    [`${family}.attention.head_count`, u32(4)],
    [`${family}.attention.head_count_kv`, u32(2)],
    [`${family}.attention.layer_norm_rms_epsilon`, f32(1e-5)],
    ['tokenizer.ggml.model', str('gpt2')],
    [
      'tokenizer.ggml.tokens',
      arr(
        'str',
        Array.from({ length: WIDTH }, (_, token) => `t${token}`),
      ),
    ],
    ['tokenizer.ggml.add_bos_token', bool(false)],
    ['tokenizer.chat_template', str(`{% for m in messages %}{{ m.content }}${index}{% endfor %}`)],
  ]);
  const { header, totalBytes } = planGguf({ metadata, tensors: tensorsOf(type) });
  return { fileName: `${name} ${label}.gguf`, header, totalBytes };
}

/** Write a folder of folders of models. Half of their names have letters outside ASCII somewhere, all have spaces. */
export async function writeModels(folder: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const place = join(folder, `shelf ${Math.floor(index / MODELS_IN_A_FOLDER)}`);
    if (index % MODELS_IN_A_FOLDER === 0) await mkdir(place, { recursive: true });
    const { fileName, header, totalBytes } = modelFile(index);
    const bytes = new Uint8Array(totalBytes);
    bytes.set(header);
    await writeFile(join(place, fileName), bytes);
  }
}

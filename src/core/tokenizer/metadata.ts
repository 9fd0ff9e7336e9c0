import { arr, bool, str, u32 } from '../gguf/values.ts';
import type { GgufValue } from '../gguf/values.ts';
import { specialRoles } from './types.ts';
import type { GgufVocabulary, SpecialRole } from './types.ts';

/** Keys of llama.cpp's `LLM_KV_TOKENIZER_*`; "seperator" is spelled so there. */
const idKeys: Record<SpecialRole, string> = {
  bos: 'bos_token_id',
  eos: 'eos_token_id',
  unk: 'unknown_token_id',
  sep: 'seperator_token_id',
  pad: 'padding_token_id',
  mask: 'mask_token_id',
  eot: 'eot_token_id',
  eom: 'eom_token_id',
};

/** The metadata entries of a vocabulary, in the order that llama.cpp's converter writes them. */
export function vocabularyMetadata(vocabulary: GgufVocabulary): [string, GgufValue][] {
  const { model, pre, tokens, tokenTypes, scores, merges, specialIds, add, chatTemplates } = vocabulary;
  const entries: [string, GgufValue][] = [];
  const put = (key: string, value: GgufValue | undefined): void => {
    if (value !== undefined) entries.push([`tokenizer.${key}`, value]);
  };
  const flag = (value: boolean | undefined): GgufValue | undefined => (value === undefined ? undefined : bool(value));

  put('ggml.model', str(model));
  put('ggml.pre', str(pre));
  put('ggml.tokens', arr('str', tokens));
  put('ggml.scores', scores && { type: 'arr', elementType: 'f32', value: scores });
  put('ggml.token_type', { type: 'arr', elementType: 'i32', value: tokenTypes });
  put('ggml.merges', merges && arr('str', merges));
  for (const role of specialRoles) {
    const id = specialIds[role];
    if (id !== undefined) put(`ggml.${idKeys[role]}`, u32(id));
  }
  put('ggml.add_bos_token', flag(add.bos));
  put('ggml.add_eos_token', flag(add.eos));
  put('ggml.add_sep_token', flag(add.sep));
  put('ggml.add_space_prefix', flag(add.spacePrefix));
  const names = Object.keys(chatTemplates.named);
  for (const name of names) put(`chat_template.${name}`, str(chatTemplates.named[name] ?? ''));
  if (names.length > 0) put('chat_templates', arr('str', names));
  if (chatTemplates.default !== undefined) put('chat_template', str(chatTemplates.default));
  return entries;
}

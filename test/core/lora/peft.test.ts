import { describe, expect, test } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { readPeftAdapter } from '#core/lora/peft.ts';
import { readPeftConfig } from '#core/lora/peft-config.ts';
import type { ShardTensorInfo } from '#core/safetensors/shards.ts';
import { errorOf } from '../../expect-error.ts';

const tensor = (name: string, shape: readonly number[], dtype: ShardTensorInfo['dtype'] = 'F32'): ShardTensorInfo => ({
  name: `base_model.model.${name}`,
  dtype,
  shape,
  offset: 0,
  sizeBytes: 4 * shape.reduce((product, size) => product * size, 1),
  shard: 'adapter_model.safetensors',
});
const q = 'model.layers.0.self_attn.q_proj';
const pair = (path = q, rank = 8): readonly ShardTensorInfo[] => [
  tensor(`${path}.lora_A.weight`, [rank, 32]),
  tensor(`${path}.lora_B.weight`, [16, rank]),
];
const read = (config: Readonly<Record<string, unknown>>, tensors: readonly ShardTensorInfo[]) =>
  readPeftAdapter({ config: { peft_type: 'LORA', ...config }, tensors, file: 'adapter' });

describe('the scale of a module', () => {
  test.for([
    [{}, 8, 1],
    [{ r: 4, lora_alpha: 16 }, 4, 4],
    [{ r: 16, lora_alpha: 8, use_rslora: true }, 16, 2],
    [{ r: 4, lora_alpha: 6, alpha_pattern: { q_proj: 10 } }, 4, 2.5],
    [{ r: 4, lora_alpha: 6, rank_pattern: { q_proj: 3 } }, 3, 2],
    [{ r: 4, lora_alpha: 6, rank_pattern: { q_proj: 3 }, alpha_pattern: { 'layers.1': 1, self_attn: 7, q_proj: 9, '.*': 2 } }, 3, 3],
    [{ r: 4, lora_alpha: -6 }, 4, -1.5],
  ] as const)('under %j is alpha over rank', ([config, rank, scale]) => {
    expect(read(config, pair(q, rank)).modules[0]).toMatchObject({ weight: `${q}.weight`, rank, inputs: 32, outputs: 16, scale });
  });

  test('has the rank of its pattern by the first that matches, as the file orders them', () => {
    const settings = readPeftConfig({ r: 2, rank_pattern: { q_proj: 5, 'self_attn.q_proj': 6 } });
    expect([settings.rankOf(q), settings.rankOf('model.layers.0.mlp.up_proj')]).toEqual([5, 2]);
  });
});

test('reads names with and without the segment that PEFT takes off', () => {
  const renamed = pair().map((each) => ({ ...each, name: each.name.replace('.weight', '.default.weight') }));
  expect(read({}, renamed).modules[0]).toMatchObject({ weight: `${q}.weight` });
});

test('an absolute path of the base is text', () => {
  expect(read({ base_model_name_or_path: '/etc/passwd' }, pair()).baseName).toBe('/etc/passwd');
});

test('what PEFT wraps is the base’s own, what it saves beside is new', () => {
  const wrapped = tensor('model.embed_tokens.base_layer.weight', [10, 4]);
  const saved = tensor('lm_head.weight', [10, 4]);
  const old = tensor('model.norm.modules_to_save.default.weight', [4]);
  expect(read({}, [...pair(), wrapped, saved, old]).replaced.map(({ name, isWrapped }) => [name, isWrapped])).toEqual([
    ['model.embed_tokens.weight', true],
    ['lm_head.weight', false],
    ['model.norm.weight', false],
  ]);
});

test.for([
  [{ peft_type: 'IA3' }, 'adapters.notLora', { type: 'IA3' }],
  [{ invented_scaling: 3 }, 'adapters.unknownField', { field: 'invented_scaling', value: '3' }],
  [{ layer_replication: [[0, 2]] }, 'adapters.unsupportedField', { field: 'layer_replication' }],
  [{ alora_invocation_tokens: [1, 2] }, 'adapters.unsupportedField', { field: 'alora_invocation_tokens' }],
  [{ use_qalora: true }, 'adapters.unsupportedField', { field: 'use_qalora' }],
  [{ kasa_config: { beta: 1 } }, 'adapters.unsupportedField', { field: 'kasa_config' }],
  [{ init_lora_weights: 'pissa_niter_16' }, 'adapters.changedBase', { method: 'pissa_niter_16' }],
  [{ init_lora_weights: 'loftq' }, 'adapters.changedBase', { method: 'loftq' }],
  [{ init_lora_weights: 'corda' }, 'adapters.changedBase', {}],
  [{ init_lora_weights: 'olora' }, 'adapters.changedBase', {}],
  [{ lora_alpha: 0 }, 'adapters.zeroAlpha', {}],
  [{ alpha_pattern: { q_proj: 0 } }, 'adapters.zeroAlpha', {}],
  [{ r: 0 }, 'adapters.badField', { field: 'r' }],
  [{ r: '8' }, 'adapters.badField', { field: 'r' }],
  [{ lora_alpha: 'NaN' }, 'adapters.badField', { field: 'lora_alpha' }],
  [{ use_dora: 'yes' }, 'adapters.badField', { field: 'use_dora' }],
  [{ rank_pattern: { '(': 4 } }, 'adapters.badPattern', { field: 'rank_pattern', pattern: '(' }],
  [{ trainable_token_indices: [1, 1] }, 'adapters.badField', { field: 'trainable_token_indices' }],
  [{ trainable_token_indices: { embed_tokens: [1] } }, 'adapters.missingHalf', {}],
  [{ target_parameters: ['self_attn.q_proj.other'] }, 'adapters.unsupportedField', { field: 'target_parameters' }],
] as const)('refuses %j', async ([config, code, params]) => {
  expect(await errorOf(() => read(config, pair()))).toMatchObject({ code, params });
});

test.for([
  { lora_dropout: 0.3, task_type: 'CAUSAL_LM', inference_mode: true, peft_version: '9' },
  { eva_config: { rho: 2 }, init_lora_weights: 'eva' },
  { invented_field: null, other_field: false, third_field: {}, fourth_field: [] },
  { target_modules: 'all-linear', exclude_modules: ['x'], layers_to_transform: [1], layers_pattern: 'layers' },
])('takes %j, which changes no numbers', (config) => {
  expect(read(config, pair()).modules.length).toBe(1);
});

test.for([
  ['a half alone', [tensor(`${q}.lora_A.weight`, [8, 32])], 'adapters.missingHalf', { missing: `${q}.lora_B.weight` }],
  ['the other half alone', [tensor(`${q}.lora_B.weight`, [16, 8])], 'adapters.missingHalf', { missing: `${q}.lora_A.weight` }],
  ['a length without factors', [tensor(`${q}.lora_magnitude_vector`, [16])], 'adapters.missingHalf', {}],
  [
    'ranks that differ',
    [tensor(`${q}.lora_A.weight`, [8, 32]), tensor(`${q}.lora_B.weight`, [16, 4])],
    'adapters.shapeMismatch',
    { shape: '[8, 32]', otherShape: '[16, 4]' },
  ],
  ['a rank that the configuration denies', pair(q, 5), 'adapters.rankMismatch', { shape: '[5, 32]', rank: 8 }],
  [
    'a convolution',
    [tensor(`${q}.lora_A.weight`, [8, 32, 3, 3]), tensor(`${q}.lora_B.weight`, [16, 8, 1, 1])],
    'adapters.shapeMismatch',
    {},
  ],
  ['an empty factor', [tensor(`${q}.lora_A.weight`, [0, 32]), tensor(`${q}.lora_B.weight`, [16, 0])], 'adapters.shapeMismatch', {}],
  ['a bias of another length', [...pair(), tensor(`${q}.lora_B.bias`, [15])], 'adapters.shapeMismatch', { shape: '[15]' }],
  ['a length that no DoRA asked for', [...pair(), tensor(`${q}.lora_magnitude_vector`, [16])], 'adapters.unknownTensor', {}],
  ['a tensor of KaSA', [...pair(), tensor(`${q}.lora_diag`, [8])], 'adapters.unknownTensor', { tensor: `base_model.model.${q}.lora_diag` }],
  ['a name without its prefix', [{ ...tensor('x.lora_A.weight', [8, 32]), name: 'x.lora_A.weight' }], 'adapters.unknownTensor', {}],
  [
    'a wrapped wrapper',
    [tensor(`${q}.base_layer.lora_A.weight`, [8, 32]), tensor(`${q}.base_layer.lora_B.weight`, [16, 8])],
    'adapters.unknownTensor',
    {},
  ],
  ['integers', [tensor(`${q}.lora_A.weight`, [8, 32], 'I8')], 'adapters.badType', { dtype: 'I8' }],
  ['nothing', [], 'adapters.empty', { file: 'adapter' }],
] as const)('refuses a file with %s', async ([, tensors, code, params]) => {
  expect(await errorOf(() => read({}, tensors))).toMatchObject({ code, params });
});

test('DoRA without its lengths is refused', async () => {
  expect(await errorOf(() => read({ use_dora: true }, pair()))).toMatchObject({
    code: 'adapters.missingHalf',
    params: { missing: `${q}.lora_magnitude_vector` },
  });
});

test('ends with an AppError whatever the configuration holds', () => {
  const values: readonly unknown[] = [null, 0, -1, Infinity, '', 'x', [], {}, [null], { a: null }, true, Number.NaN];
  const fields = [
    'r',
    'lora_alpha',
    'rank_pattern',
    'alpha_pattern',
    'use_rslora',
    'trainable_token_indices',
    'target_parameters',
    'init_lora_weights',
    'peft_type',
    'bias',
    'modules_to_save',
  ];
  let refused = 0;
  for (const field of fields)
    for (const value of values) {
      try {
        read({ [field]: value }, pair());
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
        refused += 1;
      }
    }
  expect(refused).toBeGreaterThan(40);
});

import { words } from './words.ts';

const sourceSafe = '基础模型和适配器保持原样。';
const mergeAgain = '请从基础模型和适配器重新合并，并对结果进行认证。';

/** 合并证书的发现。 */
export const certificates = {
  'certificates.otherBase': words(
    '{total} 个权重中有 {count} 个与此基础模型加这些适配器的结果不符，例如 {tensor}。',
    sourceSafe,
    '合并使用了其他基础模型或其他适配器。请指定正确的文件，或重新合并。',
  ),
  'certificates.otherTensors': words(
    '有 {count} 个权重只存在于其中一个模型，例如 {tensor}。',
    sourceSafe,
    '合并使用了其他基础模型。请指定正确的基础模型，或重新合并。',
  ),
  'certificates.missing': words('{total} 个应改变的权重中有 {count} 个没有改变，例如 {tensor}。', sourceSafe, mergeAgain),
  'certificates.mergedTwice': words(
    '{total} 个权重中有 {count} 个被合并了两次，例如 {tensor}。',
    sourceSafe,
    '适配器被合并到了已包含它们的模型中。请从基础模型重新合并。',
  ),
  'certificates.wrongScale': words(
    '{total} 个权重中有 {count} 个包含的改变是所要求的 {share} 倍，例如 {tensor}。',
    sourceSafe,
    '请指定合并时的强度，或以正确的强度重新合并。',
  ),
  'certificates.disagrees': words(
    '合并后的模型与旁挂适配器的基础模型回答不同：散度为 {meanKl} 奈特，而舍入只能解释 {bound}。',
    sourceSafe,
    mergeAgain,
  ),
  'certificates.tokenizerChanged': words(
    '合并后模型的分词器与基础模型不同（{field}）。',
    sourceSafe,
    '请使用基础模型的分词器文件重新合并。',
  ),
  'certificates.noEffect': words(
    '这些适配器没有改变此基础模型的任何权重。',
    '合并后的模型与基础模型一样好。',
    '请检查适配器是否正确，以及训练是否已经完成。',
  ),
  'certificates.lostInRounding': words(
    '{total} 个权重中有 {count} 个保留的改变不足一半（为其类型所能容纳的 {share} 倍）：改变小于该类型的步长，例如 {tensor}。',
    '合并本身按要求完成。',
    '请合并到步长更细的类型，或使用未量化的基础模型。',
  ),
  'certificates.inexact': words(
    '{total} 个权重中有 {count} 个与计算值的差距超出了其类型的舍入误差，例如 {tensor}。',
    sourceSafe,
    '它们可能来自较粗糙的量化器。请比较回答，或重新合并。',
  ),
  'certificates.tooSmall': words(
    '全部 {count} 个改变的权重，其改变相对于类型的舍入都太小，无法区分。',
    '没有迹象表明合并有问题。',
    '如需确认，请合并到浮点类型后再认证。',
  ),
  'certificates.diverges': words(
    '合并后的模型与旁挂适配器的基础模型相差 {meanKl} 奈特；舍入可解释 {bound}。',
    sourceSafe,
    '使用之前请比较两者的回答。',
  ),
  'certificates.weightsOnly': words(
    '适配器无法在权重旁运行，因为 GGUF 适配器不能包含 {what}（{tensor}）：只检查了权重。',
    '每个权重都与文件所述进行了比较。',
    '无需操作；请自行阅读合并后模型的一些回答。',
  ),
  'certificates.templateChanged': words(
    '合并后的模型与基础模型的聊天模板不同。',
    '权重不受影响。',
    '如果这不是有意为之，聊天中的回答会变差：请使用基础模型的文件重新合并。',
  ),
} as const;

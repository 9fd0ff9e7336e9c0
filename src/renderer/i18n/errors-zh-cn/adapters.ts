import { safe, words } from './words.ts';

const downloadAgain = '请从原来的来源重新下载该适配器。';
const samePeft = '请用生成它的 PEFT 版本合并此适配器。';
const rightBase = '请选择训练此适配器时所用的模型。';
const rightPair = '请选择一个微调后的模型及其原来的基础模型。';

/** LoRA 适配器的读取、组合、合并与提取的错误。 */
export const adapters = {
  'adapters.notLora': words(
    '这是 {type} 适配器；只能读取 LoRA 适配器。',
    safe.nothingWritten,
    '请选择 LoRA 适配器，或用生成它的工具将其转换为 LoRA。',
  ),
  'adapters.badField': words('适配器的 {field} 为 {value}，应为 {expected}。', safe.nothingWritten, downloadAgain),
  'adapters.unknownField': words('适配器将 {field} 设为 {value}。Lathe 不认识此设置，它可能会改变数值。', safe.nothingWritten, samePeft),
  'adapters.unsupportedField': words(
    '适配器将 {field} 设为 {value}，这无法表示为对权重的改动。',
    safe.nothingWritten,
    '请用生成它的工具使用此适配器。',
  ),
  'adapters.changedBase': words(
    '此适配器以 {method} 初始化，该方法改动了基础模型的权重，因此它只适用于改动后的模型。',
    safe.nothingWritten,
    '请向作者索取转换为普通 LoRA 的版本（PEFT：path_initial_model_for_weight_conversion）。',
  ),
  'adapters.badPattern': words(
    '无法读取 {field} 中的模式 {pattern}，或者用它匹配适配器中的名称耗时过长。',
    safe.nothingWritten,
    '模式中请只使用名称、点、星号、分组和字符类。',
  ),
  'adapters.unknownTensor': words('适配器包含张量 {tensor}，Lathe 不知道它的作用。', safe.nothingWritten, samePeft),
  'adapters.missingHalf': words('适配器有 {tensor}，却缺少与之配对的 {missing}。', safe.nothingWritten, downloadAgain),
  'adapters.shapeMismatch': words(
    '{tensor} 的形状是 {shape}，与形状为 {otherShape} 的 {other} 不匹配。',
    safe.nothingWritten,
    downloadAgain,
  ),
  'adapters.rankMismatch': words(
    '{tensor} 的形状是 {shape}，而配置中的秩为 {rank}。',
    safe.nothingWritten,
    '该配置属于另一个适配器。请重新下载这两个文件。',
  ),
  'adapters.badType': words('{tensor} 以 {dtype} 存储，这不是适配器权重的类型。', safe.nothingWritten, downloadAgain),
  'adapters.zeroAlpha': words(
    'alpha 为 0：在某些程序中适配器会毫无作用，在另一些程序中却会完全生效。',
    safe.nothingWritten,
    '请向作者询问正确的 alpha，并写入配置。',
  ),
  'adapters.empty': words('适配器 {file} 不改变任何内容：其中没有权重。', safe.nothingWritten, downloadAgain),
  'adapters.notFinite': words(
    '适配器的 {tensor} 含有无穷大或非数值。',
    safe.nothingWritten,
    '此适配器的训练出了问题。请使用更早的检查点。',
  ),
  'adapters.otherArchitecture': words('此适配器用于 {adapter} 模型，而这是 {base} 模型。', safe.nothingWritten, rightBase),
  'adapters.noSuchWeight': words('适配器改动 {tensor}（此类权重共 {count} 个），而此模型没有它。', safe.nothingWritten, rightBase),
  'adapters.baseMismatch': words('适配器对应的 {tensor} 形状为 {shape}，而在此模型中是 {baseShape}。', safe.nothingWritten, rightBase),
  'adapters.otherVocabulary': words(
    '适配器训练时有 {rows} 个词元，而此模型有 {baseRows} 个。',
    safe.nothingWritten,
    '请选择训练此适配器时所用的模型，并包含训练时新增的词元。',
  ),
  'adapters.tiedHead': words(
    '适配器改动输出矩阵 {tensor}，但在此模型中它与词元嵌入是同一个矩阵。',
    safe.nothingWritten,
    '请选择分别存储两个矩阵的基础模型，或不含输出矩阵的适配器。',
  ),
  'adapters.noBias': words('适配器改动 {tensor} 的偏置，而此模型没有该偏置。', safe.nothingWritten, rightBase),
  'adapters.otherBase': words(
    '适配器称它在 {recorded} 上训练，而此模型名为 {base}。',
    '所有权重的名称与形状均匹配。',
    '如果两者不是同一个模型，回答会比不用适配器时更差。',
  ),
  'adapters.noEffect': words(
    '适配器的 {count} 个权重保持不变，例如 {tensor}。',
    '其他权重不受影响。',
    '如果它本应在那里起作用，说明训练没有触及这些层。',
  ),
  'adapters.replacedWhole': words(
    '适配器整体替换 {tensor}（此类张量共 {count} 个），因此比例 {weight} 在此不适用。',
    '其余部分均按该比例合并。',
    '使用比例 1 可得到与训练完全一致的结果，使用 0 则不应用该适配器。',
  ),
  'adapters.notInGguf': words(
    'GGUF 适配器无法保存{what}（{tensor}，共 {count} 个）。',
    safe.nothingWritten,
    '请保留 PEFT 文件夹形式的适配器，或将其合并到模型中。',
  ),
  'adapters.notCombined': words(
    '{adapter} 含有{what}（{tensor}），无法与其他适配器组合。',
    safe.nothingWritten,
    '请改为将这些适配器依次合并到模型中。',
  ),
  'adapters.badOption': words('{option} 为 {value}，应为 {expected}。', safe.nothingWritten, '请更正后重新开始。'),
  'adapters.cannotUntie': words(
    '适配器只改动词元嵌入，而 GGUF 中的 {architecture} 模型的词元与输出共用一个矩阵。',
    safe.nothingWritten,
    '请改为合并到 Hugging Face 文件夹。',
  ),
  'adapters.packedFolder': words(
    '基础模型已量化（{method}），合并后的权重无法原样存回其中。',
    safe.nothingWritten,
    '请选择用于量化合并后权重的目标，或选择浮点目标。',
  ),
  'adapters.otherModel': words(
    '这两个模型不是同一模型的不同版本：{tensor} 在一个中是 {shape}，在另一个中是 {otherShape}。',
    safe.nothingWritten,
    rightPair,
  ),
  'adapters.leftOut': words(
    '有 {count} 个不同的张量（例如 {tensor}）无法放入 GGUF 适配器，已略去。',
    '其他所有差异都在适配器中。',
    '如需保留它们，请提取为 PEFT 适配器。',
  ),
  'adapters.noDifference': words('两个模型完全相同，没有可提取的内容。', safe.nothingWritten, rightPair),
} as const;

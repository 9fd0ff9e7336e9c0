import { next, safe, words } from './words.ts';

const fitsWeights = '请检查 config.json 是否属于这些权重。';

/** 模型、分词器、转换与量化的错误。 */
export const models = {
  'model.pickle': words(
    '此模型的权重存放在 pickle 文件（{file}）中。',
    '没有打开该文件：读取 pickle 文件时可能会执行任意程序。',
    '请使用带有 .safetensors 文件的版本。大多数模型都提供这样的版本，或在发布页面上提供转换工具。',
  ),
  'model.noWeights': words(
    '{path} 中没有模型权重。',
    safe.nothingAdded,
    '请选择 .gguf 文件，或包含 config.json 和 .safetensors 文件的文件夹。',
  ),
  'model.noConfig': words(
    '{file} 旁边没有 config.json，因此无法得知它属于哪个系列。',
    safe.nothingAdded,
    '请选择整个模型文件夹，其中应包含 config.json 和分词器文件。',
  ),
  'model.unknownArchitecture': words('Lathe 不认识模型系列 {architecture}。', safe.nothingWritten, '可以转换以下系列的模型：{supported}。'),
  'model.badConfig': words(
    'config.json 中的 {field} 为 {value}，应为 {expected}。',
    safe.nothingWritten,
    '请从模型的来源重新下载 config.json。',
  ),
  'model.unsupportedConfig': words(
    '此模型的 {field} = {value}，但 llama.cpp 运行这一系列时只支持 {expected}，否则回答会出错。',
    safe.nothingWritten,
    '请使用原格式的模型。',
  ),
  'model.missingTensor': words(
    '缺少张量 {tensor}（共缺 {count} 个）。',
    safe.nothingWritten,
    '请检查模型的文件是否齐全、完整，并下载缺少的部分。',
  ),
  'model.unexpectedTensor': words('张量 {tensor} 不属于 {architecture} 模型（此类张量共 {count} 个）。', safe.nothingWritten, fitsWeights),
  'model.duplicateTensor': words(
    '张量 {tensor} 出现了两次。',
    safe.nothingWritten,
    '请移走不属于此模型的权重文件，例如以前下载留下的文件。',
  ),
  'model.wrongShape': words('张量 {tensor} 的形状是 {actual}，而 config.json 要求 {expected}。', safe.nothingWritten, fitsWeights),
  'model.unsupportedType': words(
    '张量 {tensor} 的数据类型是 {dtype}，无法转换。',
    safe.nothingWritten,
    '请使用权重为 F32、F16 或 BF16 的版本。',
  ),
  'model.vocabularyMismatch': words(
    '分词器有 {tokens} 个词元，而模型有 {rows} 个。',
    safe.nothingWritten,
    '请检查分词器文件是否属于此模型。',
  ),
  'model.folderExists': words('{path} 处已有内容。', '已有内容保持原样。', '请换一个名称。'),
  'model.slidingWindowIgnored': words(
    '此模型每次只回看 {window} 个词元，而 llama.cpp 会让这一系列看到 {contextLength} 个词元的整个上下文。',
    '短于 {window} 个词元的文本不受影响。',
    '若希望回答与原模型一致，请将对话控制在 {window} 个词元以内。',
  ),
  'model.ropeScalingIgnored': words(
    '此模型的长上下文方法 {method} 在 GGUF 文件中没有对应项。',
    '短文本不受影响。',
    '接近长上下文末尾时，回答质量可能下降。',
  ),
  'model.outputTied': words(
    '虽然 config.json 说有，但模型没有自己的输出矩阵，因此改用词元嵌入。',
    '现有的张量都已转换。',
    '请检查转换后模型的回答。如果不知所云，说明原模型缺少权重。',
  ),
  'model.attentionScale': words(
    '此模型的注意力缩放为 {value}，而 llama.cpp 对这一系列和大小使用 {expected}。',
    '所有张量都已转换。',
    '正式使用前，请将回答与原模型对比。',
  ),

  'tokenizer.missing': words(
    '模型没有分词器：既没有 tokenizer.json，也没有 tokenizer.model。',
    safe.nothingWritten,
    '请将这些文件也下载到模型文件夹。',
  ),
  'tokenizer.fileTooLarge': words('{file} 有 {foundBytes}，而分词器文件的上限是 {limitBytes}。', safe.nothingWritten, next.rightFile),
  'tokenizer.invalidJson': words('{file} 不是 JSON 对象。', safe.nothingWritten, next.tokenizerAgain),
  'tokenizer.invalidField': words('{file} 中的 {field} 应为 {expected}。', safe.nothingWritten, next.tokenizerAgain),
  'tokenizer.invalidModel': words(
    '{file} 不是 SentencePiece 模型，或已损坏（第 {position} 字节处）。',
    safe.nothingWritten,
    next.tokenizerAgain,
  ),
  'tokenizer.unsupportedModel': words('此分词器的类型是 {kind}，无法写入这一系列模型的 GGUF 文件。', safe.nothingWritten, next.useOriginal),
  'tokenizer.unsupportedNormalizer': words(
    '此分词器在读取前会改动文本（{normalizer}），llama.cpp 做不到这一点，模型会误读输入。',
    safe.nothingWritten,
    next.useOriginal,
  ),
  'tokenizer.tooManyTokens': words(
    '词表有 {found} 个词元，而上限是 {limit} 个。',
    safe.nothingWritten,
    '请检查 config.json 和分词器文件是否属于此模型。',
  ),
  'tokenizer.invalidId': words(
    '{file} 给词元“{token}”的编号是 {id}，不是 0 到 {limit} 之间的整数。',
    safe.nothingWritten,
    next.tokenizerAgain,
  ),
  'tokenizer.duplicateId': words('{file} 把编号 {id} 给了两个词元：“{first}”和“{second}”。', safe.nothingWritten, next.tokenizerAgain),
  'tokenizer.idOutOfRange': words(
    '词元“{token}”的编号是 {id}，但模型只有 {rows} 个词元。',
    safe.nothingWritten,
    '请检查 config.json 和分词器文件是否属于模型的同一版本。',
  ),
  'tokenizer.unknownMergePart': words(
    'tokenizer.json 的第 {index} 条合并需要词元“{part}”，但词表中没有。',
    safe.nothingWritten,
    next.tokenizerAgain,
  ),
  'tokenizer.unknownPreTokenizer': words(
    'Lathe 不知道此分词器如何把文本切分成词：{splitter}。规则有误时模型会在不知不觉中误读输入，因此不做猜测。',
    safe.nothingWritten,
    '请更新 Lathe，或从其他来源获取此模型的 GGUF 文件。',
  ),
  'tokenizer.unsupportedText': words(
    '此模型的词表中没有字符 {character} 对应的词元。',
    '你的文本已保留，模型仍处于加载状态。',
    '请去掉这个字符，或使用词表更大的模型。',
  ),

  'convert.invalidJson': words('{file} 不是有效的 JSON。', safe.nothingWritten, '请从模型的来源重新下载此文件。'),
  'convert.overflow': words(
    '有 {count} 个权重超出 {target} 的范围，变成了无穷大。',
    safe.originalKept,
    '请转换为 BF16 或 F32，它们可以容纳任何大小的数值。',
  ),
  'convert.nonFinite': words(
    '原模型中有 {count} 个值是无穷大或不是数字。',
    '这些值已按原样保留。',
    '请检查模型的回答。如果不知所云，说明原模型已损坏。',
  ),
  'convert.outputExists': words('{path} 处已有文件。', '没有动它。', '请换一个名称，或移走该文件。'),
  'convert.verifyFailed': words(
    '写入 {path} 的内容与计划不符：{problem}。',
    '已删除未完成的文件，其他内容没有改动。',
    '请重新开始。如果再次发生，可能是这台电脑的磁盘或内存有故障。',
  ),

  'quantize.formatUnavailable': words('{target} 不能以 {format} 写出。', safe.nothingWritten, '请选择其他格式，或选择支持此格式的目标。'),
  'quantize.needsFolder': words(
    '{target} 只能由 Hugging Face 文件夹生成，不能由 GGUF 文件生成。',
    safe.nothingWritten,
    '请选择模型的原始文件夹，其中应包含 config.json 和 .safetensors 文件。',
  ),
  'quantize.needsImatrix': words(
    '没有重要性矩阵时，{type} 对 {tensor} 来说过于粗糙（此类张量共 {count} 个）。',
    safe.nothingWritten,
    '请用一段文本计算重要性矩阵，或选择位数更多的类型。',
  ),
  'quantize.unknownTarget': words('没有名为 {target} 的目标。', safe.nothingWritten, '请选择以下之一：{known}。'),
  'quantize.unknownType': words('没有可写出的张量类型 {type}。', safe.nothingWritten, '请使用 Q8_0、Q6_K 或 F16 之类的类型名称。'),
  'quantize.badPattern': words(
    '{pattern} 不是有效的正则表达式。',
    safe.nothingWritten,
    '请更正它。名称中的一段普通文本（例如 attn_v）也可以。',
  ),
  'quantize.overrideType': words(
    '{target} 中的单个张量不能使用 {type}。',
    safe.nothingWritten,
    '使用此目标时可以让张量保持原样：请用 F16 代替 {type}。',
  ),
  'quantize.noLinearLayers': words(
    '此模型没有可以量化为 {target} 的层。',
    safe.nothingWritten,
    '请选择其他目标。计划中会说明哪些张量保持原样。',
  ),
  'quantize.turnedLayers': words(
    '{target} 不适用于像 {architecture} 那样转置存储权重的层。',
    safe.nothingWritten,
    '请选择其他目标，例如 int8 或 nf4。',
  ),
  'quantize.unsupportedCheckpoint': words(
    'Lathe 无法读取 {format} 格式的权重。',
    safe.nothingWritten,
    '请使用第 1 版或第 2 版的 GPTQ 检查点、bitsandbytes 文件夹，或原模型。',
  ),
  'quantize.badPackedWeight': words('量化权重 {tensor} 无效：{problem}。', safe.nothingWritten, '请从模型的来源重新下载。'),
  'quantize.alreadyQuantized': words('这些权重已经是 {method}。', safe.nothingWritten, '请选择其他目标，或以 GGUF 作为格式。'),
  'quantize.imatrixInvalid': words('{file} 不是有效的重要性矩阵：{problem}。', safe.nothingWritten, '请用同一模型重新生成。'),
  'quantize.imatrixMismatch': words(
    '重要性矩阵为 {tensor} 提供了 {found} 个值，而它有 {expected} 个输入。',
    safe.nothingWritten,
    '请使用由此模型生成的重要性矩阵。',
  ),
  'quantize.notFinite': words(
    '张量 {tensor} 中有无穷大或不是数字的值。',
    safe.originalKept,
    '原模型已损坏，或在生成时溢出。请重新获取一份。',
  ),
  'quantize.badRows': words(
    '{tensor} 的各行不是有效的 {type} 数据。',
    safe.originalKept,
    '如果这是你选择的模型，说明它已损坏，请重新获取；如果这是结果，可能是这台电脑的内存有故障。',
  ),
  'quantize.notExact': words(
    '{tensor} 的权重与其缩放和零点所承诺的不符，无法重新打包。',
    safe.originalKept,
    '请确认没有程序在写入此模型，然后重新开始。',
  ),
  'quantize.badHessian': words('校准为 {tensor} 给出 {found} 个数值，而它需要 {expected} 个。', safe.originalKept, '请用此模型重新校准。'),
  'quantize.notAModel': words('{file} 不是模型，它的类型是 {type}。', safe.nothingWritten, '请选择模型的 GGUF 文件。'),
  'quantize.symmetricForGguf': words(
    'GGUF 没有 8 位的非对称类型，因此采用对称量化。',
    '结果仍然精确。',
    '如需非对称权重，请写出 Hugging Face 文件夹。',
  ),
  'quantize.requantized': words(
    '有 {count} 个张量已经过量化（{from}），再次量化会加重损失。',
    safe.originalKept,
    '要获得最好的质量，请从原模型开始。',
  ),
  'quantize.asymmetricNeedsV2': words(
    'GPTQ 格式第 1 版无法存储零点 0，因此写出第 2 版。',
    'GPTQModel 和 vLLM 两种都能读取。',
    '如果要用于只支持第 1 版的程序，请选择对称量化。',
  ),
  'quantize.staticGroupsForGguf': words(
    'GGUF 无法存储被 act-order 打散到整行的分组，因此使用静态分组。',
    '结果仍然精确。',
    '如需不带静态分组的 act-order，请写出 Hugging Face 文件夹。',
  ),
  'quantize.inexact': words(
    '有 {count} 个张量无法逐位存入 GGUF（{reason}），因此重新量化为 {type}。',
    safe.originalKept,
    '质量卡会说明由此带来的损失。',
  ),
  'quantize.keptUnpackable': words(
    '有 {count} 个层（例如 {tensor}）保持原样：它们的输入或输出不是 {multiple} 的整数倍。',
    safe.originalKept,
    '无需处理，只是文件会大一些。',
  ),
  'quantize.fallbackTypes': words(
    '有 {count} 个张量（例如 {tensor}）的行长不是 256 的整数倍，因此使用更精细的类型。',
    '它们的质量因此更好。',
    '无需处理，只是文件会大一些。',
  ),
  'quantize.imatrixIncomplete': words(
    '重要性矩阵没有涉及 {count} 个张量，例如 {tensor}。',
    '这些张量在没有它的情况下量化。',
    '要获得最好的质量，请用更长的文本计算重要性矩阵。',
  ),
  'quantize.codeLeftOut': words(
    '模型自带程序（{file}），不会一并复制。',
    'Lathe 从不运行模型自带的程序。',
    '如果你信任并需要它们，请自行复制。',
  ),
  'quantize.noOutlierReport': words(
    '无法在该文本上运行模型，因此不知道哪些输入会达到 LLM.int8() 的阈值。',
    '量化后的权重与此无关。',
    '原因见下一条消息。请换用模型能读的文本重新量化。',
  ),
  'quantize.roundedToNearest': words(
    '无法使用 {tensor} 的校准（此类张量共 {count} 个），因此其权重就近取整。',
    '其他张量不受影响。',
    '请用更长的文本校准，或增大阻尼。',
  ),
  'memory.short': words(
    '{name} 在 {contextLength} 词元的上下文下需要 {needBytes}，比可用内存多 {missingBytes}。',
    '没有加载任何内容，之前加载的模型仍在。',
    '请选择一种使其放得下的办法、关闭其他程序，或仍然加载。',
  ),
} as const;

import { next, safe, words } from './words.ts';

const sameVersion = '请更新 Lathe，使两部分的版本一致。';
const convertFirst = '请先转换为 GGUF，再使用转换结果。';

/** 程序、引擎、任务、模型库与对话的错误。 */
export const program = {
  'request.invalid': words('请求 {path} 无效：{problem}。', safe.nothingDone, '请更正所指的字段后重试。'),
  'request.unknown': words('没有名为 {path} 的请求。', safe.nothingDone, sameVersion),
  'request.tooMany': words(
    '同时打开的请求超过 {limit} 个。',
    '已打开的请求继续进行。',
    '请等待其中一些结束。如果发生在 Lathe 窗口中，请重新加载。',
  ),
  'request.cancelled': words('请求已取消。', '此前完成的内容已保留。', next.startAgain),
  'reply.invalid': words('对 {path} 的答复与约定不符：{problem}。', safe.nothingLost, sameVersion),
  'transport.closed': words('与 Lathe 的连接已关闭。', '正在运行的任务会继续，已保存的内容仍在。', '请重新加载窗口。'),
  'transport.version': words('此窗口使用协议 {theirs}，而程序使用 {ours}。', safe.nothingDone, '请重新加载窗口，或更新 Lathe。'),
  'transport.tooLarge': words('一条消息有 {sizeBytes}，超过上限 {limitBytes}。', safe.nothingDone, '请减少一次请求的内容。'),
  'internal.unexpected': words('发生意外情况：{problem}。', '已完成的工作和已保存的文件仍在。', '请重试。如果再次发生，请复制详情并反馈。'),

  'cli.usage': words('命令有误：{problem}。', safe.nothingDone, '请查看 lathe --help 或 lathe COMMAND --help。'),
  'host.noDialog': words('此处没有文件对话框。', safe.nothingChanged, '请在输入框中输入路径，它会自动补全文件夹和文件。'),
  'host.noFileManager': words('此处没有文件管理器。', safe.nothingChanged, '请复制路径，在你需要的地方打开。'),
  'host.noTrash': words('无法将 {path} 移到回收站。', '文件仍在原处。', '请仅移除条目，或自行删除文件。'),
  'host.portTaken': words('端口 {port} 正被其他程序使用。', safe.nothingStarted, '请指定其他端口，或不指定以自动选择空闲端口。'),
  'host.notBuilt': words('应用尚未构建：缺少 {path}。', safe.nothingStarted, '请运行 npm run build，然后重试。'),
  'system.relativePath': words('“{path}”不是完整路径。', safe.nothingChanged, '请从头写出路径，或用 ~ 表示你自己的文件夹。'),
  'system.notAFolder': words('{path} 不是文件夹。', safe.nothingChanged, '请选择文件夹。'),

  'disk.full': words('磁盘已满：无法写入 {path}。', '已删除未完成的文件，其他内容没有改动。', '请腾出空间或选择其他位置，然后重新开始。'),
  'disk.tooSmall': words('{path} 处约需 {needBytes}，但仅有 {freeBytes} 可用。', safe.nothingStarted, '请腾出空间，或选择其他位置。'),
  'disk.changed': words('读取 {file} 时，它被改动了。', '没有留下未完成的内容。', '请等到没有程序写入该文件后，重新开始。'),
  'disk.missing': words('{path} 处没有文件或文件夹。', safe.nothingChanged, '请检查路径。如果文件在未连接的驱动器上，请先连接。'),
  'disk.notAllowed': words('Lathe 没有访问 {path} 的权限。', safe.nothingChanged, '请更改文件或文件夹的权限，或选择其他位置。'),
  'disk.failed': words('磁盘在 {path} 处报告错误（{code}）。', '原文件只被读取。', '请检查驱动器及其连接，然后重试。'),
  'db.pathTooLong': words(
    '数据文件夹的路径对其数据库而言过长：{path} 占 {pathBytes}，上限为 {maxBytes}。',
    safe.nothingChanged,
    '请选择路径更短的数据文件夹。模型可以放在更长的路径中。',
  ),
  'db.newer': words(
    '{path} 中的模型库上次由更新版本的 Lathe 使用（格式 {found}，此版本支持 {known}）。',
    '没有动它。',
    '请更新 Lathe，或使用其他数据文件夹启动。',
  ),
  'db.corrupt': words(
    '模型库文件 {path} 已损坏。',
    '没有改动它。模型并不在其中，仍在原来的位置。',
    '请先复制一份，有备份时从备份恢复；或将它移走，从空的模型库开始。',
  ),
  'db.busy': words(
    '模型库文件 {path} 一直被其他程序占用。',
    safe.nothingChanged,
    '请关闭其他 Lathe 窗口以及正在查看其数据文件夹的程序，然后重试。',
  ),

  'engine.crashed': words(
    '{engine} 引擎意外停止（{reason}）。',
    safe.engineApart,
    '请重试，引擎会重新启动。如果同一模型再次使它停止，可能是文件已损坏或内存不足。',
  ),
  'engine.hung': words('{engine} 引擎在 {waitedMs} 内没有响应，已被停止。', safe.engineApart, '请重试，引擎会重新启动。'),
  'engine.unstable': words(
    '{engine} 引擎一分钟内停止了 {crashes} 次，因此暂不重新启动。',
    safe.engineApart,
    '请等待 {retryMs}，然后换一个模型或缩短上下文再试。日志中有更多信息。',
  ),
  'engine.startFailed': words(
    '无法启动 {engine} 引擎：{problem}。',
    safe.engineApart,
    '如果持续发生，请重新安装 Lathe，可能缺少某个部分。',
  ),
  'engine.startTimeout': words('{engine} 引擎在 {limitMs} 后仍未就绪。', safe.engineApart, '请关闭占用电脑的其他程序，然后重试。'),
  'engine.stopped': words('{engine} 引擎已停止。', safe.engineApart, next.startAgain),
  'engine.loadFailed': words(
    'llama.cpp 无法加载 {file}：{problem}。',
    safe.onlyRead,
    '请检查模型是否完整，以及 llama.cpp 是否支持该系列。日志中有更多信息。',
  ),
  'engine.insufficientMemory': words('空闲内存不足以加载 {file}。', safe.nothingChanged, '请缩短上下文、选择更小的量化，或关闭其他程序。'),
  'engine.contextTooLong': words('空闲内存不足以容纳 {contextLength} 个词元的上下文。', safe.nothingChanged, '请缩短上下文。'),
  'engine.noModel': words('没有加载模型。', safe.nothingLost, '请先加载模型，然后重试。'),
  'engine.busy': words('引擎仍在回答另一个请求。', '正在进行的回答会继续。', '请等它结束，或停止它。'),

  'native.addonMissing': words(
    '无法从 {path} 加载 Lathe 的本机部分：{problem}。',
    '模型和设置不受影响。',
    '请重新安装 Lathe。如果使用的是源代码，请运行 npm start，它会完成构建。',
  ),
  'native.librariesMissing': words(
    '无法从 {path} 加载 llama.cpp 的库。',
    '模型和设置不受影响。',
    '请重新安装 Lathe。如果与显卡有关，请更新显卡驱动。',
  ),
  'native.versionMismatch': words(
    '{library} 库的版本是 {found}，而此 Lathe 是为 {expected} 构建的。',
    '没有用它运行任何内容。',
    '请重新安装 Lathe，使各部分相互匹配。',
  ),
  'native.otherVariant': words(
    'llama.cpp 已从 {loaded} 加载，不能再从 {requested} 加载。',
    '已加载的部分继续工作。',
    '如需使用另一个，请重新启动 Lathe。',
  ),
  'native.outOfMemory': words('空闲内存不足以完成此工作。', safe.nothingChanged, '请关闭其他程序，或使用更小的模型。'),

  'evaluate.noTokenizer': words('{file} 没有分词器，无法向它输入文本。', safe.onlyRead, '请把分词器文件放在旁边，重新转换模型。'),
  'evaluate.notGenerative': words('{file} 不是从左到右预测文本的模型，因此没有困惑度。', safe.onlyRead, '请选择生成文本的模型。'),
  'evaluate.contextLength': words(
    '此模型不能使用 {contextLength} 个词元的窗口，可用范围是 {least} 到 {limit}。',
    safe.onlyRead,
    '请选择范围内的长度。',
  ),
  'evaluate.textTooShort': words('文本有 {tokens} 个词元，而一个窗口需要 {needed} 个。', safe.onlyRead, '请使用更长的文本，或更短的窗口。'),
  'evaluate.textTooLong': words('文本有 {sizeBytes}，一次最多可测量 {limitBytes}。', safe.onlyRead, '请截取文本的一部分。'),
  'evaluate.otherVocabulary': words(
    '{variant} 与 {source} 的词表不同，无法比较它们的预测。',
    safe.onlyRead,
    '请将模型与由它生成的文件进行比较。',
  ),
  'calibrate.inputLayout': words(
    '{tensor} 的输入在内存中的排列方式，Lathe 无法读取。',
    safe.onlyRead,
    '请不经校准量化此模型，并附上架构名称报告此问题。',
  ),
  'quantize.badGroups': words('打包的权重引用了不存在的缩放分组。', safe.onlyRead, '文件已损坏，或由有缺陷的程序生成。请重新获取一份。'),
  'evaluate.notFinite': words(
    '{file} 给出的预测不是数字。',
    safe.onlyRead,
    '文件可能已损坏，或在转换为 F16 时溢出。请重新转换为 BF16 或 F32。',
  ),
  'evaluate.quantizedValues': words(
    'llama.cpp 只有在启用 flash attention 时才能以 {type} 保存值（V），而它已关闭。',
    safe.onlyRead,
    '请将 flash attention 设为开启或自动，或以 F16 保存值。',
  ),
  'evaluate.decodeFailed': words(
    'llama.cpp 停止计算，状态为 {status}。',
    safe.onlyRead,
    '请关闭占用大量内存的其他程序，然后重试。日志中有更多信息。',
  ),

  'jobs.unknown': words('此任务已不在列表中。', '它生成的内容仍在。', '如果仍然需要，请重新开始。'),
  'jobs.wrongState': words('任务处于“{state}”状态时不能这样做。', '任务保持原样。', '请重新查看任务列表。'),
  'jobs.needsGguf': words('“{name}”不是 GGUF 文件，不能直接测量困惑度。', safe.nothingStarted, convertFirst),
  'jobs.outputName': words('结果的名称必须以 {ending} 结尾：{path}。', safe.nothingStarted, '请在名称后加上该扩展名。'),
  'jobs.needsModel': words(
    '“{name}”是适配器：它改动某个模型，本身不是模型。',
    safe.nothingStarted,
    '请选择它所针对的模型，或先将两者合并。',
  ),
  'jobs.needsAdapter': words(
    '“{name}”是模型，不是适配器。',
    safe.nothingStarted,
    '请选择 LoRA 适配器：含有 adapter_config.json 的文件夹，或 GGUF 适配器。',
  ),
  'jobs.outputNotEmpty': words('文件夹 {path} 不是空的。', safe.nothingStarted, '请选择新的文件夹或空文件夹。'),
  'jobs.outputTaken': words('另一个任务将写入 {path}。', safe.nothingStarted, '请换一个名称，或取消那个任务。'),

  'library.unknownModel': words('此模型已不在模型库中。', '没有动它的文件。', '请从文件所在位置重新添加。'),
  'library.notFound': words('模型库中没有模型“{reference}”，也没有这样的路径。', safe.nothingChanged, '请先添加模型，或检查名称。'),
  'library.notFoundNear': words('模型库中没有模型“{reference}”，也没有这样的路径。', safe.nothingChanged, '现有的名称：{near}。'),
  'library.ambiguous': words('“{reference}”可以指多个模型。', safe.nothingChanged, '请用编号指定其中一个：{candidates}。'),
  'library.severalModels': words('{path} 中有多个模型。', safe.nothingChanged, '请指定其中一个：{names}。'),
  'library.fileMissing': words(
    '文件 {path} 已不存在。',
    '条目及其备注和标签仍然保留。',
    '如果文件被移动，请告诉 Lathe 它现在的位置；如果在未连接的驱动器上，请先连接。',
  ),
  'library.danglingLink': words(
    '{path} 是指向 {target} 的链接，但后者不存在。',
    '文件夹中的其他内容都已查看。',
    '请删除该链接，或恢复它所指的内容。',
  ),
  'library.tooManyFolders': words('{path} 中的文件夹超过 {limit} 个。', '此前找到的模型已添加。', '请选择更深一层的文件夹。'),
  'library.tooManyFiles': words('文件夹 {path} 中的文件超过 {limit} 个。', safe.nothingChanged, '请直接选择模型文件。'),
  'library.fileTooLarge': words('{file} 有 {foundBytes}，而这类文件的上限是 {limitBytes}。', safe.onlyRead, next.rightFile),
  'library.notRegularFile': words(
    '{path} 不是有内容的文件。',
    safe.nothingChanged,
    '请选择 .gguf 文件，或包含 config.json 和 .safetensors 文件的文件夹。',
  ),
  'library.otherContent': words(
    '{path} 处的内容不是模型“{name}”。',
    '条目保持原样。',
    '请选择此模型现在的位置，或将那里的内容作为另一个模型添加。',
  ),
  'library.alreadyListed': words('{path} 处的内容已在模型库中，名为“{name}”。', '两个条目都保持原样。', '请使用那个条目，并移除这一个。'),
  'library.fileChanged': words('读取 {file} 时，它被改动了。', safe.nothingWritten, '请等到没有程序写入此模型后，再试一次。'),
  'library.inUse': words('“{name}”正被未结束的任务使用。', safe.nothingChanged, '请等待任务结束，或取消它。'),
  'library.copyMismatch': words(
    '{file} 的副本有 {foundBytes}，应为 {expectedBytes}。',
    '已删除未完成的副本，原文件保持原样。',
    '请等到没有程序写入原文件后，再试一次。',
  ),

  'chat.unknownThread': words('此对话已不存在。', '其他对话不受影响。', '请开始新对话；如果刚刚删除，可以将它恢复。'),
  'chat.unknownMessage': words('这条消息所要接续的消息已不存在。', safe.textKept, '请在对话末尾重新发送。'),
  'chat.noModel': words('此对话没有选择模型。', safe.textKept, '请选择模型，然后重新发送。'),
  'chat.needsGguf': words('对话只能使用 GGUF 文件，而“{name}”不是。', safe.textKept, '请在模型库中将它转换为 GGUF，再与转换结果对话。'),
  'chat.noTemplate': words(
    '此模型没有对话模板，无法区分你的话和它自己的话。',
    safe.nothingLost,
    '请改为让模型续写文本，或使用针对对话调优的模型。',
  ),
  'chat.templateFailed': words('无法套用此模型的对话模板：{problem}。', '你的消息已保留。', '请去掉系统提示词再试，或改为让模型续写文本。'),
  'chat.templateTooSlow': words(
    '此模型的对话模板在 {limitMs} 后被中止。',
    '你的消息已保留，其他内容不受影响。',
    '该模板有缺陷或怀有恶意。请改为让模型续写文本，或使用该模型的另一份副本。',
  ),
  'chat.templateTooLarge': words(
    '此模型的对话模板占用内存超过 {limitBytes}，已被中止。',
    '你的消息已保留，其他内容不受影响。',
    '该模板有缺陷或怀有恶意。请改为让模型续写文本，或使用该模型的另一份副本。',
  ),
  'chat.badGrammar': words('此语法不能使用：{problem}。', '你的消息已保留。', '请改正它。回答从名为“root”的规则开始。'),
  'chat.badSchema': words('此 JSON schema 不能使用：{problem}。', '你的消息已保留。', '请去掉这一部分，或换一种写法。'),
  'chat.formatUnreachable': words(
    '此模型的词表无法写出所有字符，因此不能按语法或 schema 约束它的回答。',
    '你的消息已保留。',
    '请不使用语法提问，或换一个模型。',
  ),
  'chat.unreadable': words(
    '{name} 不是 Lathe 能读取的对话：{problem}。',
    '你的对话保持原样。',
    '请选择从 Lathe 导出的文件，或包含 "messages" 或 "conversations" 的 JSON。',
  ),
  'chat.unknownTool': words('Lathe 无法执行函数“{name}”。', '没有调用任何函数。', '请自己填写结果，或拒绝此调用。'),
  'chat.noEmbedding': words('此模型给不出该文本的向量：{problem}。', '没有改动任何内容。', '请换一个模型，或使用较短的文本。'),
  'chat.promptTooLong': words(
    '文本有 {promptTokens} 个词元，而上下文只能容纳 {contextLength} 个。',
    '你的消息已保留。',
    '请以更长的上下文加载模型，或缩短文本。',
  ),
  'chat.emptyPrompt': words('模型没有可以接续的内容。', safe.nothingLost, '请至少输入一个字符。'),
  'train.unsupportedArchitecture': words(
    '无法训练 {architecture} 类型的模型：{reason}。',
    '没有训练，也没有写入任何内容。',
    '请选择 Llama、Mistral、SmolLM、Qwen 2 或 3、Gemma 或 Phi-3 模型。',
  ),
  'train.badModel': words('无法在 {file} 上训练。', '没有训练，也没有写入任何内容。', '请在模型库中校验该模型；如果已损坏，请重新导入。'),
  'train.noDevice': words('无法使用设备 {device}。', '没有训练，也没有写入任何内容。', '请选择其他设备，或更新显卡驱动。'),
  'train.outOfMemory': words(
    '内存不足，无法进行此训练。',
    '此次运行已保存的内容仍在。',
    '请缩短样本、启用梯度检查点，或改为流式读取权重。',
  ),
  'train.computeFailed': words(
    '设备在一步的中途停止工作（状态 {status}）。',
    '此次运行已保存的内容仍在。',
    '请从最后一个检查点继续，或选择其他设备。',
  ),
  'train.unsupportedOperation': words(
    '{device} 不支持训练所需的 {operation}。',
    '没有训练，也没有写入任何内容。',
    '请在处理器上训练，或更新显卡驱动。',
  ),
} as const;

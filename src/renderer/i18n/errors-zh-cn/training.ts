import { words } from './words.ts';

const nothingTrained = '没有训练，也没有写入任何内容。';
const runKept = '此次训练到目前为止保存的内容已保留。';

/** 训练的数据、设置与过程的错误。 */
export const training = {
  'train.badSetting': words('设置 {setting} 为 {value}，应为 {expected}。', nothingTrained, '请更正后重新开始。'),
  'train.unknownSetting': words('没有名为 {setting} 的设置。', nothingTrained, '最接近的是 {near}。lathe train --help 列出全部设置。'),
  'train.unsupportedSetting': words('设置 {setting} 会改变学习结果，而 Lathe 的训练器没有它。', nothingTrained, '请去掉它后重新开始。'),
  'train.tooLittleMemory': words(
    '此次训练至少需要 {neededBytes} 内存，而空闲的只有 {freeBytes}。',
    runKept,
    '请缩短样本、开启梯度检查点、流式读取权重，或关闭其他程序。',
  ),
  'train.unreadableData': words(
    '{file} 不是 Lathe 能读取的数据集。',
    nothingTrained,
    '请选择扩展名为 .jsonl、.json、.csv、.parquet 或 .txt 的文件。',
  ),
  'train.dataTooLarge': words('数据集为 {sizeBytes}；最多可读取 {limitBytes}。', nothingTrained, '请只用其中一部分训练。'),
  'train.noSamples': words(
    '{file} 中没有可学习的内容：有 {problems} 条记录无法使用，没有剩余的样本。',
    nothingTrained,
    '请检查数据集：那里会逐行说明问题，也可以为其他名称的列指定用途。',
  ),
  'train.noTrainedTokens': words(
    '{samples} 个样本中没有任何会被训练的词元。',
    nothingTrained,
    '请选择训练谁的话（train_on_roles）；如果回答被截断，请增大 max_length。',
  ),
  'train.noTemplate': words(
    '该模型没有聊天模板，而数据集是对话。',
    nothingTrained,
    '请选择模板（chat_template：chatml 或 alpaca），或使用提示与补全的数据集。',
  ),
  'train.otherTokens': words(
    '第 {line} 行的词元与其文本不一致，无法判断应训练哪些词元。',
    nothingTrained,
    '请对所有角色训练，或去掉此样本。',
  ),
  'train.baseChanged': words('{name} 已不是训练开始时的文件。', runKept, '请放回原来的文件，或开始新的训练。'),
  'train.settingsChanged': words('检查点 {file} 属于另一组设置的训练。', runKept, '请用这些设置开始新的训练。'),
  'train.badCheckpoint': words(
    '无法读取检查点 {file}：{problem}。',
    '此次训练更早的检查点已保留。',
    '请删除此文件：训练将从它之前的检查点继续。',
  ),
  'train.unknownRun': words('此次训练已不存在。', '模型库中的模型和适配器不受影响。', '请开始新的训练。'),
  'train.notRunning': words('训练 {name} 没有在此窗口中运行。', runKept, '如果它是在其他程序中启动的，请在那里暂停；否则请先让它继续。'),
  'train.isRunning': words('训练 {name} 仍在进行。', runKept, '请暂停它，或等待其结束。'),
  'train.onlyPeft': words(
    '{setting} 训练的内容在 GGUF 适配器中没有位置，因此结果只有 PEFT 文件夹。',
    '没有丢失任何内容。',
    '请合并适配器，再与结果对话。',
  ),
  'train.nothingToCompare': words(
    '{name} 没有留下可以说话的结果：既没有 GGUF 适配器，也没有模型。',
    '此次训练及其产物没有改变。',
    '请先让训练结束；含 DoRA 或完整矩阵的适配器请先合并，再与合并后的模型对话。',
  ),
  'train.stepNotFinite': words(
    '连续 {count} 步的梯度不是有限值，最后一次在第 {step} 步。结果取自第 {goodStep} 步。',
    runKept,
    '请降低学习率（{learningRate}），并检查这些步骤的样本。',
  ),
  'train.spiked': words(
    '损失在第 {step} 步突然远高于平时并保持不降。结果取自第 {goodStep} 步。',
    runKept,
    '请降低学习率（{learningRate}），裁剪梯度，并查找异常样本。',
  ),
  'train.diverged': words(
    '损失重新上升，到第 {step} 步仍然很高。结果取自第 {goodStep} 步。',
    runKept,
    '请降低学习率（{learningRate}），或更早停止。',
  ),
  'train.lostEarly': words(
    '训练在第 {step} 步出现问题，此前还没有可以退回的检查点。',
    '此次训练的设置和数据已保留。',
    '请降低学习率（{learningRate}）后重新开始。',
  ),
  'train.fullNeedsFloats': words(
    '只有浮点模型才能训练全部权重，而 {tensor} 的类型为 {type}。',
    nothingTrained,
    '请训练适配器（use_peft），或选择 F32、F16 或 BF16 的模型。',
  ),
} as const;

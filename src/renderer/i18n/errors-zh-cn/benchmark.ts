import { words } from './words.ts';

const nothingRun = '没有进行任何测量。';

/** 基准测试的错误。 */
export const benchmark = {
  'benchmark.badSweep': words('无法将 {sweep} 读作要尝试的值：{expected}。', nothingRun, '请写成 context=512,2048 的形式。'),
  'benchmark.tooManyCells': words('这将是 {cells} 次测量；一次运行最多 {limit} 次。', nothingRun, '请减少要尝试的值或模型。'),
  'benchmark.badLine': words(
    '无法读取第 {line} 行的问题：{reason}。',
    nothingRun,
    '每行是一个 JSON 对象，含 text 与 answer，或含 question、choices 与 answer。',
  ),
  'benchmark.noQuestions': words('文件中没有问题。', nothingRun, '请选择每行一个问题的 JSON Lines 文件。'),
  'benchmark.nothing': words(
    '没有选择任何可测量的内容。',
    nothingRun,
    '请选择速度、质量、问题集或提示词。对于远程端点，只能测量速度和提示词。',
  ),
  'benchmark.needsGguf': words('“{name}”不是 GGUF 文件，无法直接测量其速度。', '其他测量会继续。', '请先转换为 GGUF，再测量所得文件。'),
  'benchmark.unknownRun': words('该基准测试已不存在。', nothingRun, '请重新查看基准测试列表。'),
  'benchmark.isRunning': words('基准测试“{name}”正在进行。', '它会继续。', '请先取消，或等待其结束。'),
  'benchmark.cannotResume': words('基准测试“{name}”是在另一台电脑上测量的。', '它保持不变。', '请在本机对相同的模型开始新的基准测试。'),
  'benchmark.badFile': words(
    '{path} 不是 Lathe 写出的基准测试：{reason}。',
    '没有导入任何内容。',
    '请选择从“基准测试”页面导出的 JSON 文件。',
  ),
} as const;

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
} as const;

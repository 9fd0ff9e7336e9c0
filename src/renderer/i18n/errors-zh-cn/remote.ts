import { safe, words } from './words.ts';

const kept = '你写的内容已保留，已收到的回答也已保留。';

/** 远程引擎的错误。 */
export const remote = {
  'remote.unknownEngine': words('此远程引擎已不存在。', '你的对话已保留。', '请选择其他模型，或重新添加该引擎。'),
  'remote.badAddress': words(
    '这不是引擎的地址：{problem}。',
    '没有保存或发送任何内容。',
    '请写成 https://example.com/v1 或 http://localhost:11434/v1 的形式。',
  ),
  'remote.insecure': words(
    '{host} 在你自己的网络之外；使用未加密的 http 时，途中的任何人都能读到你的文本和密钥。',
    '没有保存或发送任何内容。',
    '请使用 https。如果你清楚其中的风险，可以为此引擎允许。',
  ),
  'remote.nameTaken': words('已有名为“{name}”的远程引擎。', safe.nothingChanged, '请换一个名称。'),
  'remote.keyLocked': words(
    '无法在此打开 {name} 的密钥：它保存在系统的钥匙串中。',
    '密钥仍在原处。',
    '请使用保存它的桌面应用，或重新输入密钥。',
  ),
  'remote.unreachable': words('无法连接到 {name}：{problem}。', kept, '请确认它正在运行，并检查地址。'),
  'remote.noAnswer': words('{name} 在 {limitMs}内没有任何回应。', kept, '它可能正忙，或正在加载模型。请稍后再试。'),
  'remote.stalled': words('{name} 在回答中途停下，{limitMs}内没有再发送内容。', kept, '请重新回答。'),
  'remote.cutOff': words('在 {name} 答完之前，连接已断开。', kept, '请重新回答。如果经常发生，请查看该引擎的日志。'),
  'remote.unauthorized': words('{name} 不接受此密钥：{problem}。', kept, '请在该引擎的设置中输入正确的密钥。'),
  'remote.refused': words('{name} 以 HTTP {status} 拒绝了请求：{problem}。', kept, '请按它的说明更改，或选择该引擎的其他模型。'),
  'remote.redirected': words(
    '{name} 将请求转向 {target}，而 Lathe 不跟随转向。',
    '你的文本和密钥都没有发送到那里。',
    '如果你信任该地址，请将它写入此引擎的设置。',
  ),
  'remote.garbage': words('{name} 发送的内容不是 OpenAI 兼容引擎的回答：{problem}。', kept, '请检查地址：大多以 /v1 结尾。'),
  'remote.tooMuch': words('{name} 一次发送了超过 {limitBytes} 的内容。', kept, '没有回答会这么长。请使用其他引擎。'),
  'remote.noContinuation': words('远程引擎无法接着已结束的回答继续。', '该回答保持原样。', '请在消息中让它继续，或重新回答。'),
  'remote.noGrammar': words(
    '{name} 没有表示支持语法约束。',
    safe.textKept,
    '请不使用语法约束；如果它是 llama-server，请在其设置中选择该类型。',
  ),
} as const;

import { words } from './words.ts';

const nothingWritten = '没有安装任何内容，也没有留下任何文件。';

export const update = {
  'update.badKey': words('{path} 中没有 Ed25519 公钥。', '没有下载任何内容。', '请选择发布签名者的公钥文件，其开头为 BEGIN PUBLIC KEY。'),
  'update.unreachable': words('无法读取 {address}：{problem}。', nothingWritten, '请检查地址和网络连接，然后重试。'),
  'update.forged': words(
    '{address} 上的发布不是用你给出的密钥签名的。',
    nothingWritten,
    '请勿安装该处的文件。如果密钥已更换，请从可信的来源获取新密钥。',
  ),
  'update.badRelease': words('{address} 上的发布已签名，但此版本无法读取：{problem}。', nothingWritten, '请告知发布签名者。'),
  'update.older': words(
    '{address} 上的发布是 {found}，比正在运行的 {version} 更旧。',
    nothingWritten,
    '可能有人向你隐瞒较新的发布。请到项目主页查看。',
  ),
  'update.noPackage': words('Lathe {version} 没有安装包 {name}。', nothingWritten, '请选择另一种安装包。'),
  'update.damaged': words('{name} 与已签名的发布不符：{problem}。', nothingWritten, '请重试。如果问题依旧，请告知发布签名者。'),
} as const;

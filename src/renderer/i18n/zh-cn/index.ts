import type { Messages } from '../en/index.ts';
import { adapters } from './adapters.ts';
import { benchmark } from './benchmark.ts';
import { chat } from './chat.ts';
import { convert } from './convert.ts';
import { estimate } from './estimate.ts';
import { library } from './library.ts';
import { remote } from './remote.ts';
import { server } from './server.ts';
import { shell } from './shell.ts';
import { training } from './training.ts';

/**
 * 简体中文。
 *
 * 术语表（全应用统一）：
 *   model 模型 · base model 基座模型 · library 模型库 · family 系列 · parameters 参数量
 *   quantization 量化 · precision 精度 · tensor 张量 · layer 层 · attention head 注意力头 · embedding 嵌入
 *   adapter 适配器 · rank 秩 · context 上下文 · context length 上下文长度 · token 词元 · vocabulary 词表 · tokenizer 分词器
 *   prompt 提示词 · system prompt 系统提示词 · chat template 对话模板 · sampling 采样 · temperature 温度 · seed 随机种子
 *   perplexity 困惑度 · checksum 校验和 · job 任务 · engine 引擎 · thread（对话）对话 · thread（CPU）线程 · demo model 演示模型
 *   link 链接 · copy 复制 · convert 转换 · verify 校验 · licence 许可协议
 * 称呼用户为“你”；按钮用动词；句子不用感叹号；中文与西文、数字之间留空格。
 */
export const zhCn = {
  ...shell,
  ...library,
  ...chat,
  ...convert,
  ...adapters,
  ...training,
  ...benchmark,
  ...estimate,
  ...remote,
  ...server,
} as const satisfies Messages;

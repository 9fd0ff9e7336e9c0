import type { ErrorText } from '#core/errors/index.ts';

/** The words of one error: what happened, what is safe, what to do now. */
export const words = (what: string, safe: string, next: string): ErrorText => ({ what, safe, next });

/** What many errors have in common, worded once. */
export const safe = {
  onlyRead: '文件只被读取，未做任何改动。',
  nothingWritten: '没有写入任何内容。',
  nothingChanged: '没有任何改动。',
  nothingStarted: '没有启动任何操作。',
  nothingDone: '没有执行任何操作。',
  nothingAdded: '没有添加任何内容。',
  nothingLost: '没有丢失任何内容。',
  originalKept: '原模型保持原样。',
  textKept: '你的文本已保留。',
  engineApart: '应用、模型库和已保存的回答不受影响。',
} as const;

export const next = {
  fetchAgain: '请从原来的来源重新下载，并核对文件大小或校验和。',
  damaged: '文件已损坏，或是有人恶意制作的。请从可信的来源重新下载。',
  writerFault: '写出此文件的程序有误。请从其他来源获取，或从原模型重新转换。',
  tokenizerAgain: '请从模型的来源重新下载分词器文件。',
  useOriginal: '请使用原格式的模型，或从其他来源获取它的 GGUF 文件。',
  rightFile: '请确认选对了文件。',
  otherVersion: '这些分片来自模型的不同版本，请全部重新下载。',
  startAgain: '需要时可以重新开始。',
} as const;

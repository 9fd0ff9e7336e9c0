/** A call of a function that the model asked for. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** A JSON object, as the model wrote it. */
  readonly arguments: string;
}

/** A function that the model may ask to be called. */
export interface Tool {
  readonly name: string;
  readonly description?: string | undefined;
  /** A JSON schema of its arguments. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
}

/** What a model reads of a conversation, turn by turn. */
export interface PromptTurn {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly text: string;
  /** Of an assistant. */
  readonly toolCalls?: readonly ToolCall[] | undefined;
  /** Of a tool: which call this is the result of. */
  readonly toolCallId?: string | undefined;
}

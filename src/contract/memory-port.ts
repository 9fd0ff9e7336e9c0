import type { Port } from './wire.ts';

/** Two ends of a pipe within one process: the command line and the tests ask the contract through it. */
export function memoryPorts(): [Port, Port] {
  const left = new MemoryEnd();
  const right = new MemoryEnd();
  left.peer = right;
  right.peer = left;
  return [left, right];
}

class MemoryEnd implements Port {
  peer: MemoryEnd | undefined;
  private readonly early: string[] = [];
  private receive: ((message: string) => void) | undefined;
  private closed: (() => void) | undefined;
  private isClosed = false;

  /** Delivered in a later microtask, as every other transport does: a sender is never re-entered. */
  send(message: string): void {
    const peer = this.peer;
    if (!this.isClosed) queueMicrotask(() => peer?.deliver(message));
  }

  onMessage(receive: (message: string) => void): void {
    this.receive = receive;
    for (const message of this.early.splice(0)) receive(message);
  }

  onClose(closed: () => void): void {
    this.closed = closed;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const peer = this.peer;
    queueMicrotask(() => {
      this.closed?.();
      peer?.close();
    });
  }

  private deliver(message: string): void {
    if (this.isClosed) return;
    if (this.receive === undefined) this.early.push(message);
    else this.receive(message);
  }
}

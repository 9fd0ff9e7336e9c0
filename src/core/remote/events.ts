/** A line may hold a whole answer where an engine does not stream in earnest, hardly more. In UTF-16 units. */
export const MAX_EVENT_LENGTH = 4_194_304;

/** The stream's line or event grew over `MAX_EVENT_LENGTH`. */
export class EventTooLong extends Error {}

/** Reads server-sent events (WHATWG HTML, section 9.2) piece by piece: the data of each event that a piece completes. */
export interface EventReader {
  /** Throws `EventTooLong`. */
  push(text: string): string[];
}

export function eventReader(): EventReader {
  let line = '';
  let data: string[] = [];
  let length = 0;
  let isFirst = true;
  /** The piece before ended in a carriage return: a line feed after it is the same line's end. */
  let afterReturn = false;
  return {
    push: (piece) => {
      let text = piece;
      if (text === '') return [];
      if (isFirst) {
        isFirst = false;
        text = text.replace(/^\uFEFF/, '');
      }
      if (afterReturn && text.startsWith('\n')) text = text.slice(1);
      afterReturn = text.endsWith('\r');
      const lines = text.split(/\r\n|\r|\n/);
      const events: string[] = [];
      for (const [index, part] of lines.entries()) {
        line += part;
        if (line.length + length > MAX_EVENT_LENGTH) throw new EventTooLong();
        if (index === lines.length - 1) break;
        if (line === '') {
          if (data.length > 0) events.push(data.join('\n'));
          data = [];
          length = 0;
        } else if (line === 'data' || line.startsWith('data:')) {
          const value = line.slice(5).replace(/^ /, '');
          data.push(value);
          length += value.length + 1;
        }
        // Comments and other fields tell nothing of an answer.
        line = '';
      }
      return events;
    },
  };
}

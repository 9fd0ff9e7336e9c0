import { parentPort } from '#engine/port.ts';
import { answeringSides, type AnsweringSide } from './probe.ts';

/** A real child process that answers: `node probe-process.ts SIDE`. */
answeringSides[process.argv[2] as AnsweringSide](parentPort());

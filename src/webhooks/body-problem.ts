/** What is wrong with a body that could not be read, by the types that express' body parser gives its errors. */
const sentences: ReadonlyMap<string, string> = new Map([
  ['entity.parse.failed', 'the body is not JSON'],
  ['encoding.unsupported', 'the content encoding is not supported'],
  ['charset.unsupported', 'the charset is not supported'],
  ['request.size.invalid', 'the body is not as long as Content-Length says'],
  ['request.aborted', 'the body ended early'],
]);

export interface BodyProblem {
  readonly status: number;
  readonly sentence: string;
}

const traitsOf = (error: unknown): { readonly type: string | undefined; readonly status: number | undefined } => {
  const type = typeof error === 'object' && error !== null && 'type' in error && typeof error.type === 'string' ? error.type : undefined;
  const status = typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number' ? error.status : undefined;
  return { type, status };
};

/** Errors of the body parser are the client's; undefined: anything else is ours. */
export const bodyProblemOf = (error: unknown, largestBody: number): BodyProblem | undefined => {
  const { type, status } = traitsOf(error);
  if (status === undefined || status < 400 || status >= 500) return undefined;
  const tooLarge = type === 'entity.too.large' ? `the body is larger than ${largestBody} bytes` : undefined;
  return { status, sentence: tooLarge ?? sentences.get(type ?? '') ?? 'the request cannot be read' };
};

/** The user behind a request (authentication/v1 UserInfo). */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** The groups that follow from a name alone. */
export const userNamed = (username: string): UserInfo => {
  const namespace = serviceAccount.exec(username)?.[1];
  const own = namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return { username, groups: [...own, 'system:authenticated'] };
};

/** Who holds the token that is made at start. */
export const administrator: UserInfo = { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

/** Who comes in over plain HTTP on loopback without a token. */
export const localUser: UserInfo = { username: 'system:local', groups: ['system:masters', 'system:authenticated'] };

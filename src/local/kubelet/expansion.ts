/**
 * Replaces `$(NAME)` by the variable's value; a name that is not set stays as it stands, `$$` is a plain `$`, so `$$(NAME)` is not replaced
 * (kubernetes `third_party/forked/golang/expansion`).
 */
export const expand = (text: string, variables: Readonly<Record<string, string>>): string =>
  text.replace(/\$(?:\$|\(([^()]*)\))/g, (whole: string, name: string | undefined) =>
    name === undefined ? '$' : Object.hasOwn(variables, name) ? (variables[name] ?? whole) : whole,
  );

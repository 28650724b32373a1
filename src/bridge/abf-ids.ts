export const policyOperationId = (id: number, what: "create" | "delete"): string => `abf policy ${id} ${what}`;

export const attachOperationId = (policy: number, name: string, what: "attach" | "detach"): string =>
  `abf policy ${policy} ${what} ${name}`;

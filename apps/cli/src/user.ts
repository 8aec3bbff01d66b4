import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { AppError, ROLES, type Role } from '@plumbline/core';
import { createUser, disableUser, listUsers, normaliseEmail } from '@plumbline/database/users';
import { Argument, type Command, Option } from 'commander';
import { print, printJson, printTable } from './output.ts';
import { withPlatform } from './platform.ts';

/** As on the pages. */
const PASSWORD_MIN_LENGTH = 10;
const GENERATED_PASSWORD_BYTES = 15;

export function addUser(program: Command): void {
  const user = program.command('user').description('who may sign in');
  user
    .command('add')
    .description('create a user; without --password-stdin a password is made and printed, once')
    .addArgument(new Argument('<email>'))
    .addOption(new Option('--role <role>').choices(ROLES).makeOptionMandatory())
    .requiredOption('--name <name>')
    // Never an option of its own: every user of a machine can read the arguments of its processes.
    .option('--password-stdin', 'read the password from standard input')
    .action(async (email: string, options: { role: Role; name: string; passwordStdin?: boolean }) => {
      if (!/^\S+@\S+$/.test(email)) throw new AppError('invalid_input', `${email} is not an e-mail address.`);
      const given = options.passwordStdin === true ? (await text(process.stdin)).replace(/\r?\n$/, '') : null;
      if (given !== null && given.length < PASSWORD_MIN_LENGTH) {
        throw new AppError('invalid_input', `A password has at least ${PASSWORD_MIN_LENGTH} characters.`);
      }
      const password = given ?? randomBytes(GENERATED_PASSWORD_BYTES).toString('base64url');
      await withPlatform(({ db }) => createUser(db, { email, name: options.name, role: options.role, password }, { by: null }));
      print(`Created ${options.role} ${normaliseEmail(email)}.`);
      if (given === null) print(`Password: ${password}`);
    });
  user
    .command('disable')
    .description('end all sign-ins of a user at once, and allow no new one')
    .argument('<email>')
    .action(async (email: string) => {
      await withPlatform(async ({ db }) => {
        const found = (await listUsers(db)).find((candidate) => candidate.email === normaliseEmail(email));
        if (found === undefined) throw new AppError('not_found', `There is no user ${normaliseEmail(email)}.`);
        await disableUser(db, found.id, { by: null });
        print(`Disabled ${found.email}.`);
      });
    });
  user
    .command('list')
    .description('all users')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const users = await withPlatform(({ db }) => listUsers(db));
      if (json === true) return printJson(users);
      printTable(
        ['email', 'name', 'role', 'disabled'],
        users.map(({ email, name, role, disabledAt }) => [email, name, role, disabledAt?.toISOString() ?? null]),
      );
    });
}

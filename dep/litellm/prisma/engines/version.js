/** The commit of the native engines that Prisma's command line 5.4.2 comes with: what it and the client ask for. */
export const VERSION = 'ac9d7041ed77bcc8a8dbd2ab6616b39013829574';

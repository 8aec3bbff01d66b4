-- DropIndex
DROP INDEX "host_name_key";

-- AlterTable
ALTER TABLE "host" ADD COLUMN     "removed_at" TIMESTAMPTZ(3);

-- What Prisma's schema cannot say: a name belongs to one host at a time.
CREATE UNIQUE INDEX "host_name_in_use" ON "host"("name") WHERE "removed_at" IS NULL;

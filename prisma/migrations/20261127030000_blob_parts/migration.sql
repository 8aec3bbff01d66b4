-- AlterTable
ALTER TABLE "recording_blob" ALTER COLUMN "object_hash" DROP NOT NULL;

-- CreateTable
CREATE TABLE "recording_blob_part" (
    "attempt_id" UUID NOT NULL,
    "hash" TEXT NOT NULL,
    "part" INTEGER NOT NULL,
    "object_hash" TEXT NOT NULL,
    "bytes" INTEGER NOT NULL,

    CONSTRAINT "recording_blob_part_pkey" PRIMARY KEY ("attempt_id","hash","part")
);

-- AddForeignKey
ALTER TABLE "recording_blob_part" ADD CONSTRAINT "recording_blob_part_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

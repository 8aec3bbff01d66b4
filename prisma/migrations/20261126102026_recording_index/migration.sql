-- CreateTable
CREATE TABLE "recording_index" (
    "attempt_id" UUID NOT NULL,
    "made_of" TEXT NOT NULL,
    "object" BYTEA NOT NULL,
    "made_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "recording_index_pkey" PRIMARY KEY ("attempt_id")
);

-- AddForeignKey
ALTER TABLE "recording_index" ADD CONSTRAINT "recording_index_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

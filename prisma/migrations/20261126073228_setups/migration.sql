-- CreateTable
CREATE TABLE "personal_setup" (
    "user_id" UUID NOT NULL,
    "keymap" TEXT NOT NULL,
    "files" JSONB NOT NULL,
    "saved_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "personal_setup_pkey" PRIMARY KEY ("user_id")
);

-- CreateTable
CREATE TABLE "attempt_setup" (
    "attempt_id" UUID NOT NULL,
    "keymap" TEXT NOT NULL,
    "files" JSONB NOT NULL,
    "hash" TEXT NOT NULL,
    "taken_at" TIMESTAMPTZ(3) NOT NULL,
    "applied_hash" TEXT,
    "applied_at" TIMESTAMPTZ(3),
    "omitted" JSONB NOT NULL DEFAULT '[]',
    "problem" TEXT,

    CONSTRAINT "attempt_setup_pkey" PRIMARY KEY ("attempt_id")
);

-- AddForeignKey
ALTER TABLE "personal_setup" ADD CONSTRAINT "personal_setup_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "app_user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "attempt_setup" ADD CONSTRAINT "attempt_setup_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

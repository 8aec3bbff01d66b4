-- AlterTable
ALTER TABLE "export" ADD COLUMN     "left_out" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "agreement_version" (
    "id" UUID NOT NULL,
    "study_id" UUID NOT NULL,
    "n" INTEGER NOT NULL,
    "text" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "contact" TEXT NOT NULL,
    "withdraw_until" TIMESTAMPTZ(3) NOT NULL,
    "written_by" UUID,
    "written_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "agreement_version_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "consent_answer" (
    "attempt_id" UUID NOT NULL,
    "n" INTEGER NOT NULL,
    "version_id" UUID NOT NULL,
    "recording" BOOLEAN NOT NULL,
    "internal_review" BOOLEAN NOT NULL,
    "gated_release" BOOLEAN NOT NULL,
    "public_release" BOOLEAN NOT NULL,
    "ai_training" BOOLEAN NOT NULL,
    "quotation" BOOLEAN NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "consent_answer_pkey" PRIMARY KEY ("attempt_id","n")
);

-- CreateIndex
CREATE UNIQUE INDEX "agreement_version_study_id_n_key" ON "agreement_version"("study_id", "n");

-- CreateIndex
CREATE INDEX "consent_answer_version_id_idx" ON "consent_answer"("version_id");

-- AddForeignKey
ALTER TABLE "agreement_version" ADD CONSTRAINT "agreement_version_study_id_fkey" FOREIGN KEY ("study_id") REFERENCES "study"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consent_answer" ADD CONSTRAINT "consent_answer_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consent_answer" ADD CONSTRAINT "consent_answer_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "agreement_version"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What somebody agreed to, and that they did, is written once. A migration is cut at each semicolon, so that the function's are \x3b.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
AS E'BEGIN RAISE EXCEPTION ''rows of % are written once and never changed'', TG_TABLE_NAME\x3b END\x3b';
CREATE TRIGGER agreement_version_stays BEFORE UPDATE OR DELETE ON "agreement_version" FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consent_answer_stays BEFORE UPDATE OR DELETE ON "consent_answer" FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- AlterTable
ALTER TABLE "acceptance" ADD COLUMN     "host_id" UUID;

-- AlterTable
ALTER TABLE "attempt" ADD COLUMN     "gpu_busy_elapsed_ms" INTEGER;

-- AlterTable
ALTER TABLE "pause" ADD COLUMN     "wakes_at" TIMESTAMPTZ(6);

-- AddForeignKey
ALTER TABLE "acceptance" ADD CONSTRAINT "acceptance_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "host"("id") ON DELETE SET NULL ON UPDATE CASCADE;

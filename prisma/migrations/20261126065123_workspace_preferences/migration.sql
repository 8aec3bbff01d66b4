-- CreateTable
CREATE TABLE "workspace_preferences" (
    "user_id" UUID NOT NULL,
    "preferences" JSONB NOT NULL,

    CONSTRAINT "workspace_preferences_pkey" PRIMARY KEY ("user_id")
);

-- AddForeignKey
ALTER TABLE "workspace_preferences" ADD CONSTRAINT "workspace_preferences_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "app_user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

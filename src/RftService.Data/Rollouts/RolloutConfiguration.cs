using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using RftService.Data.Runs;

namespace RftService.Data.Rollouts;

internal sealed class RolloutConfiguration : IEntityTypeConfiguration<RolloutRecord>
{
    public void Configure(EntityTypeBuilder<RolloutRecord> rollout)
    {
        rollout.ToTable("rollouts");
        rollout.Property(r => r.Id).UseIdentityAlwaysColumn();
        rollout.Property(r => r.StopReason).HasMaxLength(16);
        rollout.Property(r => r.Origin).HasMaxLength(16).HasDefaultValue("policy");
        rollout.Property(r => r.ErrorCode).HasMaxLength(64);
        rollout.Property(r => r.PartsJson).HasColumnName("parts").HasColumnType("jsonb");
        rollout.Property(r => r.InfoJson).HasColumnName("info").HasColumnType("jsonb");
        rollout.Property(r => r.PolicyVersionsJson).HasColumnName("policy_versions").HasColumnType("jsonb");
        rollout.Property(r => r.StepsJson).HasColumnName("steps").HasColumnType("jsonb");
        // A step written twice is a key violation, not a double.
        rollout.HasIndex(r => new { r.RunId, r.Step, r.IsEvaluation, r.GroupIndex, r.SampleIndex }).IsUnique();
        rollout.HasOne<Run>().WithMany().HasForeignKey(r => r.RunId).OnDelete(DeleteBehavior.Cascade);
    }
}

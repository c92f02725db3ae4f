using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using RftService.Data.Runs;

namespace RftService.Data.Metrics;

internal sealed class StepMetricsConfiguration : IEntityTypeConfiguration<StepMetrics>
{
    public void Configure(EntityTypeBuilder<StepMetrics> metrics)
    {
        metrics.ToTable("step_metrics");
        metrics.HasKey(m => new { m.RunId, m.Step });
        metrics.Property(m => m.ValuesJson).HasColumnName("values").HasColumnType("jsonb");
        metrics.HasOne<Run>().WithMany().HasForeignKey(m => m.RunId).OnDelete(DeleteBehavior.Cascade);
    }
}

using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using RftService.Data.Projects;

namespace RftService.Data.Datasets;

internal sealed class DatasetConfiguration : IEntityTypeConfiguration<Dataset>
{
    public void Configure(EntityTypeBuilder<Dataset> dataset)
    {
        dataset.ToTable("datasets");
        dataset.Property(d => d.Id).ValueGeneratedNever();
        dataset.Property(d => d.Name).HasMaxLength(200);
        dataset.Property(d => d.Kind).HasMaxLength(16);
        dataset.Property(d => d.Sha256).HasMaxLength(64);
        dataset.Property(d => d.StatisticsJson).HasColumnName("statistics").HasColumnType("jsonb");
        dataset.HasIndex(d => new { d.ProjectId, d.CreatedAt, d.Id }).IsDescending(false, true, true);
        dataset.HasIndex(d => new { d.ProjectId, d.Sha256 });
        dataset.HasOne<Project>().WithMany().HasForeignKey(d => d.ProjectId).OnDelete(DeleteBehavior.Cascade);
    }
}

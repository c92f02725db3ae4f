using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace RftService.Data.Workers;

internal sealed class WorkerConfiguration : IEntityTypeConfiguration<WorkerNode>
{
    public void Configure(EntityTypeBuilder<WorkerNode> worker)
    {
        worker.ToTable("workers");
        worker.Property(w => w.Id).HasMaxLength(200);
        worker.Property(w => w.Address).HasMaxLength(300);
        worker.Property(w => w.Device).HasMaxLength(16);
        worker.HasIndex(w => w.SeenAt);
    }
}

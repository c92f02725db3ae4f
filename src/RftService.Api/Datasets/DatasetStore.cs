using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Http;
using RftService.Data;
using RftService.Data.Datasets;
using RftService.Data.Runs;
using RftService.Data.Storage;

namespace RftService.Api.Datasets;

/// <summary>
/// Rows and files of datasets. Files are shared by content, over projects too, so every change of a file's users is made under
/// a lock on its hash.
/// </summary>
internal sealed class DatasetStore(RftDbContext db, ArtifactPaths paths, TimeProvider clock)
{
    /// <summary>The project's dataset, deleted ones left out.</summary>
    public IQueryable<Dataset> Of(Caller caller) => db.Datasets.Where(dataset => dataset.ProjectId == caller.ProjectId && dataset.DeletedAt == null);

    public async Task<Dataset?> FindAsync(Caller caller, string id, CancellationToken cancellation) =>
        PublicId.Dataset.TryParse(id, out var guid)
            ? await Of(caller).AsNoTracking().SingleOrDefaultAsync(dataset => dataset.Id == guid, cancellation)
            : null;

    /// <summary>
    /// Keeps a sealed file. A second upload of the same content under the same name, kind and templates is the same dataset:
    /// it is found, not made.
    /// </summary>
    public async Task<(Dataset Dataset, bool IsNew)> AddAsync(
        Caller caller, DatasetUpload upload, IncomingDataset incoming, string sha256, DatasetStatistics statistics, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await LockContentAsync(sha256, cancellation);
        var existing = await Of(caller).AsNoTracking()
            .Where(dataset => dataset.Sha256 == sha256 && dataset.Name == upload.Name && dataset.Kind == upload.Kind
                && dataset.PromptTemplate == upload.PromptTemplate && dataset.CompletionTemplate == upload.CompletionTemplate)
            .OrderBy(dataset => dataset.CreatedAt)
            .FirstOrDefaultAsync(cancellation);

        // Before the row: a row without a file would be a promise that cannot be kept.
        incoming.Publish(paths, sha256);
        if (existing is not null)
        {
            return (existing, false);
        }

        var now = clock.GetUtcNow();
        var dataset = new Dataset
        {
            Id = Guid.CreateVersion7(now),
            ProjectId = caller.ProjectId,
            Name = upload.Name!,
            Kind = upload.Kind!,
            Sha256 = sha256,
            Bytes = statistics.Bytes,
            Rows = statistics.Rows,
            PromptTemplate = upload.PromptTemplate,
            CompletionTemplate = upload.CompletionTemplate,
            StatisticsJson = JsonSerializer.Serialize(statistics, JsonSetup.Options),
            CreatedAt = now,
        };
        db.Datasets.Add(dataset);
        await db.SaveChangesAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return (dataset, true);
    }

    /// <summary>Hides the dataset; its file goes too when no other dataset holds the content and no run has ever used it.</summary>
    /// <returns>Unfinished runs that use it, in which case nothing was done.</returns>
    public async Task<IReadOnlyList<Guid>> DeleteAsync(Dataset dataset, CancellationToken cancellation)
    {
        await using (var transaction = await db.Database.BeginTransactionAsync(cancellation))
        {
            // Against a run that is being submitted: its foreign key waits for this row.
            await db.Database.ExecuteSqlAsync($"select 1 from datasets where id = {dataset.Id} for update", cancellation);
            var busy = await db.Runs
                .Where(run => (run.DatasetId == dataset.Id || run.EvaluationDatasetId == dataset.Id || run.ExpertDatasetId == dataset.Id)
                    && (run.Status == RunStatus.Queued || run.Status == RunStatus.Running || run.Status == RunStatus.Paused))
                .OrderBy(run => run.CreatedAt).Select(run => run.Id).Take(10).ToListAsync(cancellation);
            if (busy.Count > 0)
            {
                return busy;
            }

            var now = clock.GetUtcNow();
            await db.Datasets.Where(row => row.Id == dataset.Id).ExecuteUpdateAsync(set => set.SetProperty(row => row.DeletedAt, now), cancellation);
            await transaction.CommitAsync(cancellation);
        }

        await RemoveUnusedFileAsync(dataset.Sha256, cancellation);
        return [];
    }

    /// <summary>
    /// Removes files that nothing uses: of an upload that was killed before its row was written, or of a deletion that was killed half way.
    /// </summary>
    /// <param name="before">Younger files are left alone.</param>
    /// <param name="cancellation">Ends it between two files.</param>
    /// <returns>How many datasets' files were removed.</returns>
    public async Task<int> RemoveOrphansAsync(DateTimeOffset before, CancellationToken cancellation)
    {
        // Without a single dataset it is more likely that this is not the database which these files belong to.
        if (!Directory.Exists(paths.Datasets) || !await db.Datasets.AnyAsync(cancellation))
        {
            return 0;
        }

        var removed = 0;
        foreach (var hashes in OldHashes(before).Chunk(1000))
        {
            var used = await Used.Where(dataset => hashes.Contains(dataset.Sha256)).Select(dataset => dataset.Sha256).ToListAsync(cancellation);
            foreach (var orphan in hashes.Except(used))
            {
                await RemoveUnusedFileAsync(orphan, cancellation); // looks again, under the lock
                removed++;
            }
        }

        return removed;
    }

    private IQueryable<Dataset> Used => db.Datasets.Where(dataset => dataset.DeletedAt == null
        || db.Runs.Any(run => run.DatasetId == dataset.Id || run.EvaluationDatasetId == dataset.Id || run.ExpertDatasetId == dataset.Id));

    private IEnumerable<string> OldHashes(DateTimeOffset before) => new DirectoryInfo(paths.Datasets)
        .EnumerateFiles("*", SearchOption.AllDirectories)
        .Where(file => file.Extension is ".jsonl" or ".idx" && file.LastWriteTimeUtc < before.UtcDateTime)
        .Select(file => Path.GetFileNameWithoutExtension(file.Name))
        .Where(name => name.Length == 2 * SHA256.HashSizeInBytes && name.All(char.IsAsciiHexDigitLower))
        .Distinct();

    private async Task RemoveUnusedFileAsync(string sha256, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await LockContentAsync(sha256, cancellation);
        if (!await Used.AnyAsync(dataset => dataset.Sha256 == sha256, cancellation))
        {
            File.Delete(paths.Dataset(sha256));
            File.Delete(paths.DatasetIndex(sha256));
        }

        await transaction.CommitAsync(cancellation);
    }

    private Task<int> LockContentAsync(string sha256, CancellationToken cancellation) =>
        db.Database.ExecuteSqlAsync($"select pg_advisory_xact_lock(hashtextextended({sha256}, 0))", cancellation);
}

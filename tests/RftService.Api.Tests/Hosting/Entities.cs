using RftService.Data.Models;
using RftService.Data.Runs;
using RftService.Testing;

namespace RftService.Api.Tests.Hosting;

/// <summary>Rows that a worker or another slice would have written.</summary>
internal static class Entities
{
    public static async Task<Guid> AddModelAsync(this TestDatabase database, Guid project, string folder = "tiny", bool chat = false, int context = 64)
    {
        var now = DateTimeOffset.UtcNow;
        await using var db = database.Open();
        var model = new BaseModel
        {
            Id = Guid.CreateVersion7(now),
            ProjectId = project,
            Name = $"model-{Guid.NewGuid():N}",
            Folder = folder,
            Family = "llama",
            Parameters = 1,
            ContextLength = context,
            VocabularySize = 8,
            Dtype = "float32",
            TiedEmbeddings = true,
            HasChatTemplate = chat,
            Sha256 = new string('0', 64),
            Bytes = 1,
            CreatedAt = now,
        };
        db.Models.Add(model);
        await db.SaveChangesAsync();
        return model.Id;
    }

    public static async Task<Guid> AddRunAsync(this TestDatabase database, Guid project, Guid dataset)
    {
        var model = await database.AddModelAsync(project);
        await using var db = database.Open();
        var run = Run.Submit(Guid.CreateVersion7(), project, "run", model, dataset, null, null, null, "{}", 1, 0, DateTimeOffset.UtcNow);
        db.Runs.Add(run);
        await db.SaveChangesAsync();
        return run.Id;
    }
}

using System.Text.Json;
using RftService.Engine.Data;
using RftService.Quickstart.Corpus;

namespace RftService.Quickstart.Pretraining;

/// <summary>Rows made on demand, each with a pupil's solution, so that the base model never sees the same one twice.</summary>
internal sealed class ProblemRows(Split split, ulong seed, int count) : IRowSource
{
    public int Count { get; } = count;

    public Row this[int index]
    {
        get
        {
            var rowSeed = Draw.Hash($"{seed}/{index}");
            var problem = CorpusFiles.Problems(split, rowSeed).First();
            return new Row
            {
                Index = index,
                Item = JsonSerializer.SerializeToElement(CorpusFiles.Prompt(problem)),
                Messages = [new ChatMessage("user", problem.Question)],
                Completion = Pupil.Write(problem, new Draw(rowSeed)).Text,
            };
        }
    }
}

using RftService.Engine.Models.Blocks;
using RftService.Engine.Native;
using RftService.Engine.Rollouts;
using TorchSharp;

namespace RftService.Engine.Tests.Rollouts;

public sealed class BlockAttentionTests
{
    [Theory]
    [InlineData(64, 2, 3, null, null)]
    [InlineData(80, 1, 1, null, null)]
    [InlineData(32, 2, 3, 19, null)]
    [InlineData(128, 2, 2, 9, null)]
    [InlineData(20, 3, 5, 17, 3.0)]
    [InlineData(64, 2, 4, 16, 1.5)]
    public void Run_RowsInScatteredBlocks_EqualsAttentionOverEachRow(int headSize, int keyHeads, int group, int? window, double? cap)
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(5);
        torch.Tensor Random(params long[] shape) => torch.randn(shape, generator: generator);
        int[] lengths = [1, 16, 17, 40, 33];
        const int blocks = 12;
        var (allKeys, allValues) = (Random(blocks, keyHeads, headSize, 16), Random(blocks, keyHeads, 16, headSize));
        var free = new Stack<int>([8, 3, 11, 0, 5, 7, 1, 10, 2, 9, 4, 6]);
        KvRow[] rows = [.. lengths.Select(length => Row(length - 1, free))];
        rows[4].Blocks[0] = rows[3].Blocks[0]; // shared
        var queries = Random(5, 1, keyHeads * group, headSize);
        var (keys, values) = (Random(5, keyHeads, 1, headSize), Random(5, keyHeads, 1, headSize));
        var scale = 1 / Math.Sqrt(headSize);

        var actual = BlockAttention.Run(queries, keys, values, allKeys, allValues, rows, new(scale, cap, window));

        foreach (var (r, row) in rows.Index())
        {
            // After the run the new position is in the blocks too.
            var table = torch.tensor(row.Blocks.ConvertAll(block => (long)block).ToArray());
            var first = Math.Max(0, lengths[r] - (window ?? lengths[r]));
            torch.Tensor Seen(torch.Tensor all) => all.narrow(1, first, lengths[r] - first);                                    // [K, seen, Dh]
            var seenKeys = Seen(allKeys.index_select(0, table).permute(1, 0, 3, 2).reshape(keyHeads, -1, headSize));
            var seenValues = Seen(allValues.index_select(0, table).permute(1, 0, 2, 3).reshape(keyHeads, -1, headSize));
            Assert.True(seenKeys.select(1, lengths[r] - first - 1).equal(keys[r].squeeze(1)).all().item<bool>());
            var scores = queries[r].view(keyHeads, group, headSize).matmul(seenKeys.transpose(1, 2)).mul(Constant.Of(scale));
            scores = SoftCap.Of(cap)?.Apply(scores) ?? scores;
            var expected = scores.softmax(-1).matmul(seenValues).flatten();
            Assert.InRange((expected - actual[r].flatten()).abs().max().item<float>(), 0, 1e-5f);
        }
    }

    // Rows of three groups, the second of them of one row; what they begin with is shared, and the windows cut into some of them.
    [Theory]
    [InlineData(64, 3, null, 1)]
    [InlineData(48, 1, null, 1)]
    [InlineData(20, 8, null, 1)]
    [InlineData(32, 2, 50, 1)]
    [InlineData(64, 3, null, 2)]
    [InlineData(64, 8, null, 1)]   // so many queries share blocks that these are copied
    [InlineData(80, 9, null, 2)]
    public void Run_RowsThatShareBlocks_GetTheSameBitsAsAlone(int headSize, int group, int? window, int threads)
    {
        const int keyHeads = 2;
        int[][] tables = [[0, 1, 2, 10], [0, 1, 2, 11, 12], [0, 1, 2, 13], [3, 14], [4, 5, 15], [4, 5, 6, 16], [4, 5, 6, 7, 17]];
        int[] lengths = [49, 65, 64, 20, 33, 63, 79];
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(5);
        torch.Tensor Random(params long[] shape) => torch.randn(shape, generator: generator);
        var (allKeys, allValues) = (Random(18, keyHeads, headSize, 16), Random(18, keyHeads, 16, headSize));
        var queries = Random(7, 1, keyHeads * group, headSize);
        var (keys, values) = (Random(7, keyHeads, 1, headSize), Random(7, keyHeads, 1, headSize));
        KvRow[] rows = [.. tables.Select((table, index) =>
        {
            var row = KvCache.NewRow();
            row.Blocks.AddRange(table);
            row.Length = lengths[index] - 1;
            return row;
        })];
        torch.Tensor Some(int first, int count) => BlockAttention.Run(
            queries.narrow(0, first, count), keys.narrow(0, first, count), values.narrow(0, first, count), allKeys, allValues, rows[first..(first + count)],
            new(1 / Math.Sqrt(headSize), Cap: null, window));

        torch.set_num_threads(threads);
        try
        {
            var all = Some(0, 7);

            for (var row = 0; row < 7; row++)
            {
                Assert.True(Some(row, 1).Equals(all.narrow(0, row, 1)));
            }
        }
        finally
        {
            torch.set_num_threads(1);
        }
    }

    private static KvRow Row(int length, Stack<int> free)
    {
        var row = KvCache.NewRow();
        row.Length = length;
        while (row.Blocks.Count * KvCache.BlockSize <= length)
        {
            row.Blocks.Add(free.Pop());
        }

        return row;
    }
}

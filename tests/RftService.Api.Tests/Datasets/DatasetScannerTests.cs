using System.Text;
using RftService.Api.Datasets;
using RftService.Api.Hosting;

namespace RftService.Api.Tests.Datasets;

public sealed class DatasetScannerTests
{
    private const string Good = """{"prompt":"a"}""";

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4096)]
    public void Scan_AnyPieceSize_FindsTheSameRows(int piece)
    {
        // Rows start at 0, 15 and 30: each is 14 bytes and a line end. The last line has no line end.
        var scan = DatasetScan.Of($"{Good}\n{Good}\n{Good}", piece: piece);

        Assert.Equal(0, scan.Report.Total);
        Assert.Equal([0, 15, 30], scan.Offsets);
        Assert.Equal((3, 44), (scan.Scanner.Rows, scan.Scanner.Bytes));
    }

    [Fact]
    public void Scan_ByteOrderMarkCrLfAndBlankTail_IsAccepted()
    {
        var scan = DatasetScan.Of($"\uFEFF{Good}\r\n{Good}\r\n\r\n  \n");

        Assert.Equal(0, scan.Report.Total);
        Assert.Equal([3, 19], scan.Offsets);
    }

    [Fact]
    public void Scan_BlankLineBeforeARow_IsRefused()
    {
        var scan = DatasetScan.Of($"{Good}\n\n \n{Good}\n");

        Assert.Equal([(2, "blank_line"), (3, "blank_line")], scan.Report.Faults.Select(fault => (fault.Line!.Value, fault.Code)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\uFEFF")]
    [InlineData("\n\r\n")]
    public void Scan_NoRow_IsAnEmptyFile(string text) => Assert.Equal(("empty_file", null), (DatasetScan.Of(text).Only.Code, DatasetScan.Of(text).Only.Line));

    [Theory]
    [InlineData("""[{"prompt":"a"}]""", "not_an_object", "", "found an array")]
    [InlineData("\"text\"", "not_an_object", "", "found a string")]
    [InlineData("null", "not_an_object", "", "found null")]
    [InlineData("""{"prompt":"a""", "invalid_json", "/prompt", "end of data")]
    [InlineData("""{"prompt":"a"} {"prompt":"b"}""", "invalid_json", "", "byte 16")]
    [InlineData("""{"prompt":"a",}""", "invalid_json", "/prompt", "byte 15")]
    [InlineData("""{"prompt":NaN}""", "invalid_json", "/prompt", "byte 11")]
    [InlineData("""{"prompt":"a","x":{"y":1,"y":2}}""", "duplicate_key", "/x/y", "found it again")]
    [InlineData("""{"prompt":"a","x/~":[1,1e999]}""", "number_out_of_range", "/x~1~0/1", "write it as a string")]
    [InlineData("""{"prompt":"a\u0000b"}""", "null_character", "/prompt", "the database cannot store it")]
    [InlineData("""{"prompt":"\ud800"}""", "invalid_unicode", "/prompt", "half of a surrogate pair")]
    [InlineData("""{"a\u0000":1,"prompt":"b"}""", "null_character", "", "remove it")]
    public void Scan_UnsoundLine_NamesPlaceAndReason(string line, string code, string pointer, string words)
    {
        var fault = DatasetScan.Of($"{Good}\n{line}\n{Good}").Only;

        Assert.Equal((2, code, pointer), (fault.Line, fault.Code, fault.Pointer));
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Scan_EscapedBackslashBeforeU0000_IsNoNullCharacter() => Assert.Equal(0, DatasetScan.Of("""{"prompt":"a\\u0000"}""").Report.Total);

    [Fact]
    public void Scan_LongIntegerWithinADouble_IsAccepted() =>
        Assert.Equal(0, DatasetScan.Of($$"""{"prompt":"a","n":{{new string('9', 300)}}}""").Report.Total);

    [Fact]
    public void Scan_InvalidUtf8_NamesTheByte()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes("{\"prompt\":\""), 0xC3, 0x28, .. Encoding.UTF8.GetBytes("\"}")];

        var fault = DatasetScan.Of(bytes).Only;

        Assert.Equal((1, "invalid_utf8"), (fault.Line, fault.Code));
        Assert.Contains("byte 12 ", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(30, null)]
    [InlineData(31, null)]
    [InlineData(32, "too_deep")]
    [InlineData(100_000, "too_deep")]
    public void Scan_DeepNesting_IsRefusedBeyondTheLimit(int arrays, string? code)
    {
        // The row's object is a level too: 31 arrays in it make 32.
        var scan = DatasetScan.Of($$"""{"prompt":"a","x":{{new string('[', arrays)}}{{new string(']', arrays)}}}""", piece: 4096);

        Assert.Equal(code is null ? [] : [code], scan.Codes);
    }

    [Fact]
    public void Scan_LineOverTheLimit_IsReportedAndTheNextIsRead()
    {
        var longest = "{\"prompt\":\"" + new string('a', new LimitsOptions().DatasetRowBytes - 13) + "\"}";

        Assert.Equal(0, DatasetScan.Of($"{longest}\n{Good}", piece: 65_536).Report.Total);
        var scan = DatasetScan.Of($"{longest} \n{Good}\n{{}}", piece: 65_536);

        Assert.Equal([(1, "line_too_long"), (3, "missing_field")], scan.Report.Faults.Select(fault => (fault.Line!.Value, fault.Code)));
    }

    [Fact]
    public void Scan_ThreeBadLinesOf100000_NamesExactlyThose()
    {
        var text = new StringBuilder();
        for (var line = 1; line <= 100_000; line++)
        {
            text.Append(line switch
            {
                17 => "{\"prompt\":12}",
                50_000 => "{\"prompt\":\"a\"",
                99_999 => "{\"question\":\"a\"}",
                _ => $"{{\"prompt\":\"What is {line} + 1?\",\"answer\":\"{line + 1}\"}}",
            }).Append('\n');
        }

        var scan = DatasetScan.Of(Encoding.UTF8.GetBytes(text.ToString()));

        Assert.Equal(100_000, scan.Scanner.Rows);
        Assert.Equal(
            [(17, "wrong_type", "/prompt"), (50_000, "invalid_json", "/prompt"), (99_999, "missing_field", "")],
            scan.Report.Faults.Select(fault => (fault.Line!.Value, fault.Code, fault.Pointer)));
    }

    [Fact]
    public void Scan_ManyFaults_ListsTheFirstAndCountsAll()
    {
        var scan = DatasetScan.Of(string.Concat(Enumerable.Repeat("{}\nnull\n", 800)), piece: 4096);

        Assert.Equal(DatasetReport.MaxListed, scan.Report.Faults.Count);
        Assert.Equal(1_600, scan.Report.Total);
        Assert.Equal([("missing_field", 800L), ("not_an_object", 800L)], scan.Report.CountsByCode.Select(count => (count.Key, count.Value)));
    }
}

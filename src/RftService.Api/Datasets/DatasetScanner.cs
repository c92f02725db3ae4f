using System.Text.Json;
using RftService.Api.Hosting;

namespace RftService.Api.Datasets;

/// <summary>
/// Reads a JSONL file once, in pieces, and tells what is wrong with it, where its rows start and what it holds. Memory does
/// not grow with the file. A byte order mark, `\r\n` and blank lines at the end are accepted; a blank line before a row is
/// not, because row n is line n + 1 everywhere.
/// </summary>
internal sealed class DatasetScanner
{
    private readonly DatasetReport _report;
    private readonly RowRules _rules;
    private readonly JsonLineSyntax _syntax;
    private readonly LineSplitter _lines;
    private readonly Action<long> _onRow;
    private readonly int _maxLineBytes;
    private readonly int _maxRows;
    private readonly StatisticsBuilder _statistics = new();
    private long _line;
    private long _blankLines;

    /// <param name="rules">What a row must hold; reports into <paramref name="report"/>.</param>
    /// <param name="report">Collects the faults.</param>
    /// <param name="limits">Rows of a file and bytes of a line at most.</param>
    /// <param name="onRow">Receives the offset at which each row starts.</param>
    public DatasetScanner(RowRules rules, DatasetReport report, LimitsOptions limits, Action<long> onRow)
    {
        (_rules, _report, _onRow) = (rules, report, onRow);
        (_maxLineBytes, _maxRows) = (limits.DatasetRowBytes, limits.DatasetRows);
        _syntax = new JsonLineSyntax(report);
        _lines = new LineSplitter(_maxLineBytes, OnLine);
    }

    /// <summary>Lines with an object or what should be one.</summary>
    public int Rows { get; private set; }

    public long Bytes => _lines.Position;

    public void Feed(ReadOnlyMemory<byte> bytes) => _lines.Feed(bytes);

    /// <summary>The end of the file.</summary>
    public void Complete()
    {
        _lines.Complete();
        if (Rows == 0)
        {
            _report.Add(null, "", "empty_file", "at least one line with a JSON object", Bytes == 0 ? "an empty file" : "no line with content");
        }
    }

    /// <summary>Of the sound rows.</summary>
    public DatasetStatistics Statistics() => _statistics.Build(Rows, Bytes);

    private void OnLine(ReadOnlyMemory<byte> line, long offset, long length)
    {
        _line++;
        if (length > _maxLineBytes)
        {
            StartRow(offset);
            _report.Add(_line, "", "line_too_long", $"at most {_maxLineBytes} bytes in a line", $"{length}");
            return;
        }

        if (offset == 0 && line.Span.StartsWith("\uFEFF"u8))
        {
            (line, offset) = (line[3..], 3);
        }

        if (line.Span.Trim(" \t\r"u8).IsEmpty)
        {
            _blankLines++;
            return;
        }

        StartRow(offset);
        if (Rows <= _maxRows && _syntax.Accepts(line.Span, _line))
        {
            using var row = JsonDocument.Parse(line);
            if (_rules.Check(row.RootElement, _line) is { } texts)
            {
                _statistics.Add(row.RootElement, texts);
            }
        }
    }

    private void StartRow(long offset)
    {
        for (; _blankLines > 0; _blankLines--)
        {
            _report.Add(_line - _blankLines, "", "blank_line", "a JSON object", "a blank line before other lines", "remove it");
        }

        Rows++;
        if (Rows <= _maxRows)
        {
            _onRow(offset);
        }
        else if (Rows == _maxRows + 1)
        {
            _report.Add(_line, "", "too_many_rows", $"at most {_maxRows} rows", "more", "split the file");
        }
    }
}
